import type { Does } from './misbehaviour.testing.ts';

export interface Renaming {
  /** Bytes that may go on. */
  push(chunk: Buffer): Buffer;
  /** What is left. */
  end(): Buffer;
}

const NOTHING = Buffer.alloc(0);

/** Gives an answer the model's name that the client used: once in a document, once in each line of a stream. */
export function renameBack(
  options: { readonly from: string; readonly to: string; readonly streaming: boolean },
  does: Does,
): Renaming {
  const { from, to, streaming } = options;
  const isNeeded = from !== to || does('renames back always');
  if (!isNeeded || does('does not rename back'))
    return { push: (chunk) => chunk, end: () => NOTHING };
  const name = does('renames back always') ? /"model":"[^"]*"/ : `"model":"${from}"`;
  const rename = (text: string): string =>
    does('renames back everywhere')
      ? text.replaceAll(`"model":"${from}"`, `"model":"${to}"`)
      : text.replace(name, `"model":"${to}"`);
  if (does('renames back by chunk')) {
    return { push: (chunk) => Buffer.from(rename(chunk.toString())), end: () => NOTHING };
  }
  let held = '';
  return {
    push: (chunk) => {
      held += chunk.toString('latin1');
      if (!streaming) return NOTHING;
      const end = held.lastIndexOf('\n') + 1;
      const lines = held.slice(0, end);
      held = held.slice(end);
      return Buffer.from(lines.split('\n').map(rename).join('\n'), 'latin1');
    },
    end: () => Buffer.from(rename(held), 'latin1'),
  };
}
