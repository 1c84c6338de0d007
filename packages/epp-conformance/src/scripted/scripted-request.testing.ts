import type { Does } from './misbehaviour.testing.ts';

/** What a body says, or why it says nothing. */
export type ReadBody =
  | {
      readonly kind: 'read';
      readonly model: string;
      readonly prompt: string;
      readonly streams: boolean;
    }
  | { readonly kind: 'unread' }
  | { readonly kind: 'bad'; readonly text: string };

const CHATS = ['/v1/chat/completions'];
const NEEDS: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'messages',
  '/v1/completions': 'prompt',
  '/v1/embeddings': 'input',
  '/v1/responses': 'input',
  '/v1/messages': 'messages',
  '/inference/v1/generate': 'token_ids',
};

/** Reads a body by the path of its request. */
export function readBody(path: string, body: Buffer, does: Does): ReadBody {
  const bare = path.split('?', 1)[0] ?? '';
  if (does('knows chats only') && !CHATS.includes(path))
    return { kind: 'bad', text: 'no such path' };
  const api = Object.keys(NEEDS).find((suffix) => bare.endsWith(suffix));
  if (api === undefined) return { kind: 'unread' };
  const bad = (text: string): ReadBody =>
    does('takes anything')
      ? { kind: 'read', model: 'test-model', prompt: '', streams: false }
      : { kind: 'bad', text: `inference error: BadRequest - ${text}` };
  const parsed = parse(body);
  if (parsed instanceof Error) return bad(`error unmarshaling request bodyMap: ${parsed.message}`);
  const needed = parsed[NEEDS[api] ?? ''];
  if (needed === undefined || (Array.isArray(needed) && needed.length === 0))
    return bad('incomplete');
  if (does('knows plain text only') && JSON.stringify(needed).includes('"type":"text"'))
    return bad('parts');
  const { model, stream } = parsed;
  if (typeof model !== 'string' || model === '') return bad('model not found in request body');
  return { kind: 'read', model, prompt: JSON.stringify(needed), streams: stream === true };
}

function parse(body: Buffer): Readonly<Record<string, unknown>> | Error {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? Object.fromEntries(Object.entries(parsed))
      : new Error('not an object');
  } catch (error) {
    return error instanceof Error ? error : new Error('no JSON');
  }
}

/** The body with another model in it. */
export function renamed(
  body: Buffer,
  names: { readonly from: string; readonly to: string },
  does: Does,
): Buffer {
  const { from, to } = names;
  if (does('writes JSON anew')) {
    // The body has been read before, so it is an object.
    const parsed = JSON.parse(body.toString()) as Record<string, unknown>;
    return Buffer.from(
      JSON.stringify(Object.fromEntries(Object.entries({ ...parsed, model: to }).sort())),
    );
  }
  if (from === to || does('does not rename')) return body;
  const text = body.toString();
  return Buffer.from(text.replace(new RegExp(`("model"\\s*:\\s*)"${from}"`), `$1"${to}"`));
}
