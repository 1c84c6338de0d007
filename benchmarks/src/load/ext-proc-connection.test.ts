import { createGrpcServer, Status, type GrpcStream } from '@llm-d/grpc-server';
import {
  externalProcessorProcessPath,
  processingRequest,
  processingResponse,
  streamedBodyParts,
} from '@llm-d/protos';
import { expect, test } from 'vitest';
import { startClosedExtProcLoad } from './ext-proc-load.ts';
import { streamedScript, wholeScript } from './ext-proc-scripts.ts';

/** A processor that passes everything on, in the order a real one answers. */
function echo(stream: GrpcStream, bodies: number[]) {
  let bytes = 0;
  return {
    onMessage: (message: Buffer) => {
      const { requestBody, responseHeaders, responseBody } = processingRequest.decode(message);
      if (requestBody !== null) {
        bytes += requestBody.body.length;
        if (requestBody.endOfStream) {
          bodies.push(bytes);
          stream.send(processingResponse.encode({ requestHeaders: {} }));
          stream.send(
            streamedBodyParts('requestBody', Buffer.alloc(100_000), { endOfStream: true }),
          );
        }
      }
      if (responseHeaders !== null) stream.send(processingResponse.encode({ responseHeaders: {} }));
      if (responseBody !== null) {
        const { body, endOfStream } = responseBody;
        stream.send(streamedBodyParts('responseBody', body, { endOfStream }));
      }
    },
    onHalfClose: () => {
      stream.end(Status.ok);
    },
  };
}

test.each([
  ['2 KB, a whole answer', wholeScript(2048, 0), 2048, 2],
  ['256 KB, a whole answer', wholeScript(262_144, 0), 262_144, 2],
  ['1 KB, a streamed answer', streamedScript(1024, 0, 20), 1024, 21],
])('exchanges of %s go through whole and are counted', async (_, script, bytes, chunks) => {
  const bodies: number[] = [];
  const server = createGrpcServer();
  server.handle(externalProcessorProcessPath, (stream) => echo(stream, bodies));
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const load = await startClosedExtProcLoad({ port, scripts: [script], inFlight: 100 });
  while (load.ended < 300) await new Promise((resolve) => setImmediate(resolve));
  load.stop();
  await server.close();
  // Escapes make a body a little shorter than asked for.
  expect(new Set(bodies).size).toBe(1);
  expect(bodies[0]).toBeGreaterThan(0.99 * bytes);
  expect(load.chunks).toBeGreaterThanOrEqual(300 * chunks);
  expect(load.routedMs.length).toBeGreaterThanOrEqual(300);
});
