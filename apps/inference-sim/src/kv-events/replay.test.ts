import { describe, expect, test, vi } from 'vitest';
import { EventListener, askReplay, replayRequest } from '../testdata/event-listener.ts';
import {
  startSim,
  tokens,
  complete,
  stir,
  addressOf,
  history,
  type Sim,
} from '../testdata/event-sim.ts';

describe('replay', () => {
  const ask = async (server: Sim, request: Buffer[], idleMs?: number) =>
    askReplay(addressOf(server).replayEndpoint, request, idleMs);
  const said = (replies: readonly Buffer[][]) =>
    replies.map((frames) => frames.map((frame) => frame.toString('hex')));

  test('gives everything from a number on, as it was published', async () => {
    await using server = await startSim({ topic: 't' });
    await using listener = new EventListener([addressOf(server).endpoint]);
    await listener.warmUp(stir(server));
    for (let i = 0; i < 5; i++) await complete(server, tokens(i, 3));
    await vi.waitFor(() => {
      expect(listener.messages).toHaveLength(5);
    });
    const all = await history(server);
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i));
    expect(all.slice(-5)).toEqual(listener.messages);
    const from = all.length - 2;
    const replies = await ask(server, replayRequest(from));
    expect(said(replies).map((frames) => frames.slice(0, 3))).toEqual([
      ['', '74', from.toString(16).padStart(16, '0')],
      ['', '74', (from + 1).toString(16).padStart(16, '0')],
      ['', '', 'ffffffffffffffff'],
    ]);
    expect(replies.at(-1)).toHaveLength(4);
    expect(said(await ask(server, [Buffer.alloc(0), Buffer.of(from)]))).toEqual(said(replies));
  });

  test('has no topics in the layout of older versions', async () => {
    await using server = await startSim({ topic: 't', replayLayout: 'legacy' });
    await complete(server, tokens(1, 2));
    const replies = said(await ask(server, replayRequest(0)));
    expect(replies.map((frames) => frames.slice(0, 2))).toEqual([
      ['', '0000000000000000'],
      ['', 'ffffffffffffffff'],
    ]);
    expect(replies.map(({ length }) => length)).toEqual([3, 3]);
  });

  test('ends at once beyond the end, and has no more than the buffer', async () => {
    await using server = await startSim({ bufferSteps: 2 });
    for (let i = 0; i < 4; i++) await complete(server, tokens(i, 2));
    expect(await ask(server, replayRequest(99))).toHaveLength(1);
    expect((await history(server)).map(({ sequence }) => sequence)).toEqual([2, 3]);
  });

  test.each([
    ['without a delimiter', [Buffer.alloc(8)]],
    ['of too many frames', [Buffer.alloc(0), Buffer.alloc(8), Buffer.alloc(1)]],
  ])('says nothing to a request %s, and goes on', async (_, request) => {
    await using server = await startSim();
    expect(await ask(server, request, 200)).toEqual([]);
    expect(await ask(server, replayRequest(0))).toHaveLength(1);
  });

  test('is not there unless it is asked for', async () => {
    await using server = await startSim({ replayEndpoint: undefined });
    expect(server.sim.kvEvents[0]?.replayEndpoint).toBeUndefined();
  });
});
