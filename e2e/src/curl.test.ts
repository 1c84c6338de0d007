import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, chat, startStack, type Stack } from './stack.ts';

const run = promisify(execFile);
const installed = await run('curl', ['--version']).then(
  ({ stdout }) => stdout,
  () => '',
);
const protocols = [
  ...(installed === '' ? [] : [['HTTP/1.1', '--http1.1', '1.1']]),
  ...(installed.includes('HTTP2') ? [['HTTP/2', '--http2-prior-knowledge', '2']] : []),
];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, TEST_TIMEOUT_MS);
afterAll(() => stack[Symbol.asyncDispose]());

const curl = async (...args: string[]) =>
  (await run('curl', ['-sSN', '--max-time', '60', ...args], { maxBuffer: 1e7 })).stdout;

/** What curl asks with, and the marker that tells the protocol and the status. */
const postOf = (body: object, flag: string) => [
  ...[flag, '-H', 'content-type: application/json', '-d', JSON.stringify(body)],
  ...['-w', '\n%{http_version} %{http_code}', `${stack.url}/v1/chat/completions`],
];

// A list that is empty where there is no curl: the suite then has nothing to say about it.
describe.each(protocols)('curl over %s', { timeout: TEST_TIMEOUT_MS }, (_, flag = '', version) => {
  test('gets a whole answer', async () => {
    const [body = '', status] = (await curl(...postOf(chat(4), flag))).split('\n');
    expect(status).toBe(`${version} 200`);
    expect(JSON.parse(body)).toMatchObject({ object: 'chat.completion' });
  });

  test('gets a stream', async () => {
    const answer = await curl(...postOf(chat(4, { stream: true }), flag));
    expect(answer.match(/^data: \{/gm)?.length).toBeGreaterThanOrEqual(4);
    expect(answer).toMatch(new RegExp(`data: \\[DONE\\]\\n\\n\\n${version} 200$`));
  });

  test('gets an error in its shape, and the way of a request under its id', async () => {
    const answer = await curl(...postOf({ model: 'sim-model', messages: 3 }, flag));
    expect(answer).toMatch(new RegExp(`\\n${version} 400$`));
    const id = `curl ${version}/${'i'.repeat(200)}`;
    await curl(...postOf(chat(1), flag), '-H', `x-request-id: ${id}`);
    const explained = await curl(flag, `${stack.url}/debug/decisions/${encodeURIComponent(id)}`);
    expect(JSON.parse(explained)).toMatchObject({ requestId: id, attempts: [{ attempt: 1 }] });
  });

  test('gets an answer to a body that it sends in pieces after asking first', async () => {
    const long = chat(1, { messages: [{ role: 'user', content: 'x'.repeat(5000) }] });
    const answer = await curl(...postOf(long, flag), '-H', 'expect: 100-continue');
    expect(answer).toMatch(new RegExp(`\\n${version} 200$`));
  });
});
