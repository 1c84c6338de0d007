import { systemClock } from '@llm-d/determinism';
import { createGrpcServer, serveHealth, type GrpcServer, type Health } from '@llm-d/grpc-server';
import { createGrpcJsServer } from '@llm-d/grpc-server/grpc-js';
import { externalProcessorProcessPath } from '@llm-d/protos';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { startEngineFleet } from '../engines/fleet.ts';
import type { Setup } from '../subject/setup.ts';
import type { RunningSubject, Subject, SubjectProcess } from '../subject/subject.ts';
import type { Does, Misbehaviour } from './misbehaviour.testing.ts';
import { ScriptedBooks } from './scripted-books.testing.ts';
import { ScriptedPicker } from './scripted-picker.testing.ts';
import { ScriptedSession, type Shared } from './scripted-session.testing.ts';

const HOST = '127.0.0.1';
const clock = systemClock;

const certificate = (kind: 'crt' | 'key'): Buffer =>
  readFileSync(new URL(`../testdata/localhost.${kind}`, import.meta.url));
const tls = () => ({ cert: certificate('crt'), key: certificate('key') });

/**
 * An endpoint picker in this process that keeps to the protocol, apart from the given mistakes. It knows no more than the
 * cases ask for.
 */
export function scriptedSubject(...misbehaviours: readonly Misbehaviour[]): Subject {
  const made = new Set(misbehaviours);
  return {
    name: 'scripted',
    start: (setup) => start(setup, (misbehaviour) => made.has(misbehaviour)),
  };
}

async function start(setup: Setup, does: Does): Promise<RunningSubject> {
  await using started = new AsyncDisposableStack();
  const picker = new ScriptedPicker(setup, does, clock);
  started.defer(() => {
    picker.close();
  });
  const fleet = started.use(await startEngineFleet(setup.layout, { clock, source: picker }));
  const books = new ScriptedBooks(does);
  const shared: Shared = {
    does,
    picker,
    books,
    reportsServed: setup.id === 'contract',
    nextId: 0,
    exchanges: 0,
    openStreams: 0,
    isDraining: false,
    isDead: false,
    latest: new Map(),
  };
  const grpc = await serveGrpc(shared, started);
  const health = createGrpcServer();
  const told = new Set<() => void>();
  serveHealth(health, {
    status: (service) => healthOf(service, shared),
    subscribe: (changed) => {
      told.add(changed);
      return () => told.delete(changed);
    },
  });
  if (does('no watch')) health.handle('/grpc.health.v1.Health/Watch', () => ({}));
  const { port: healthPort } = await health.listen({ host: HOST, port: 0 });
  started.defer(() => health.close());
  const metricsUrl = await serveMetrics(shared, started);
  const all = started.move();
  return {
    kind: 'running',
    grpc: { host: HOST, port: grpc.port },
    transport: 'auto',
    health: { host: HOST, port: healthPort },
    metricsUrl,
    fleet,
    process: processOf(shared, grpc.server, told),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function healthOf(service: string, { does, isDraining }: Shared): Health | undefined {
  if (does('health by name') && service !== '') return undefined;
  if (does('never healthy')) return 'not-serving';
  return isDraining && !does('serving to the last') ? 'not-serving' : 'serving';
}

async function serveGrpc(
  shared: Shared,
  started: AsyncDisposableStack,
): Promise<{ readonly port: number; readonly server: GrpcServer }> {
  const { does } = shared;
  const server = does('authorities of nghttp2')
    ? createGrpcJsServer()
    : createGrpcServer({
        ...(does('few connections') && { maxConnections: 5 }),
        // So that a message that is too large reaches the one who would die of it.
        ...(does('dies of large messages') && { maxReceiveBytes: 16 * 2 ** 20 }),
      });
  server.handle(externalProcessorProcessPath, (stream) => new ScriptedSession(stream, shared));
  if (does('no such method exists')) {
    server.handle('/envoy.service.ext_proc.v3.ExternalProcessor/Nothing', () => ({}));
  }
  started.defer(() => server.close());
  if (!does('no ALPN')) {
    const { port } = await server.listen({ host: HOST, port: 0, tls: tls() });
    return { port, server };
  }
  const { port: inner } = await server.listen({ host: HOST, port: 0 });
  const front = createTlsServer(tls(), (socket) => {
    const behind = connect(inner, HOST);
    socket.pipe(behind).pipe(socket);
    for (const end of [socket, behind]) end.on('error', () => undefined);
  });
  return { port: await listening(front, started), server };
}

/** Listens on a free port until the end. */
async function listening(server: Server, started: AsyncDisposableStack): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  started.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  // A server on TCP has an address of this kind.
  return (server.address() as AddressInfo).port;
}

async function serveMetrics(
  { does, books, picker }: Shared,
  started: AsyncDisposableStack,
): Promise<string> {
  const server = createHttpServer((_, response) => {
    response.statusCode = does('no metrics') ? 404 : 200;
    response.end(books.text(picker.size));
  });
  return `http://${HOST}:${await listening(server, started)}/metrics`;
}

function processOf(
  shared: Shared,
  server: GrpcServer,
  told: ReadonlySet<() => void>,
): SubjectProcess {
  const { does } = shared;
  return {
    ended: undefined,
    terminate: () => {
      shared.isDraining = true;
      for (const changed of told) changed();
      if (does('cuts answers off')) void server.close();
    },
    exit: () => Promise.resolve(does('bad exit code') ? 1 : 0),
  };
}

/** An endpoint picker that accepts connections, says what HTTP/2 has to be said first, and then nothing ever. */
export function muteSubject(): Subject {
  return {
    name: 'mute',
    start: async (setup) => {
      await using started = new AsyncDisposableStack();
      const fleet = started.use(
        await startEngineFleet(setup.layout, {
          clock,
          source: { publish: () => Promise.resolve() },
        }),
      );
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        // An empty SETTINGS frame.
        socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
        socket.resume();
      });
      const port = await listening(server, started);
      const all = started.move();
      return {
        kind: 'running',
        grpc: { host: HOST, port },
        transport: 'plaintext',
        health: { host: HOST, port },
        metricsUrl: `http://${HOST}:${port}/metrics`,
        fleet,
        process: {
          ended: undefined,
          terminate: () => undefined,
          exit: () => Promise.resolve(undefined),
        },
        [Symbol.asyncDispose]: () => all.disposeAsync(),
      };
    },
  };
}
