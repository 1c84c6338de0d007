import {
  processingResponse,
  streamedBodyParts,
  type BodyPhase,
  type HeaderMap,
  type HeaderValueOptionInit,
  type ProcessingResponseInit,
} from '@llm-d/protos';
import type { Does } from './misbehaviour.testing.ts';

export type Send = (message: Uint8Array) => void;

/** Headers by name; under certain misbehaviours not all of them are found. */
export function headersOf(map: HeaderMap | null, does: Does): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const { key, value, rawValue } of map?.headers ?? []) {
    const text = rawValue.length > 0 ? Buffer.from(rawValue).toString() : value;
    if (rawValue.length === 0 && does('reads raw values only')) continue;
    headers.set(does('minds the case') ? key : key.toLowerCase(), text);
  }
  return headers;
}

export const setHeader = (key: string, value: string): HeaderValueOptionInit => ({
  header: { key, rawValue: Buffer.from(value) },
});

/** Sends bytes in messages of at most so many, the last one marked as such. */
export function sendChunks(
  send: Send,
  phase: BodyPhase,
  bytes: Buffer,
  { isLast, most }: { readonly isLast: boolean; readonly most: number },
): void {
  let at = 0;
  do {
    const chunk = bytes.subarray(at, at + most);
    at += most;
    const endOfStream = isLast && at >= bytes.length;
    send(Buffer.concat(streamedBodyParts(phase, chunk, { endOfStream })));
  } while (at < bytes.length);
}

/** An immediate response in llm-d's form. */
export function refusal(
  status: number,
  text: string,
  options: { readonly reason?: string; readonly does: Does },
): Uint8Array {
  const { reason, does } = options;
  const message: ProcessingResponseInit = {
    immediateResponse: {
      status: { code: status },
      body: Buffer.from(does('own texts') ? 'no' : text),
      ...(reason !== undefined &&
        !does('no drop reason') && {
          headers: { setHeaders: [setHeader('x-llm-d-request-dropped-reason', reason)] },
        }),
    },
  };
  return processingResponse.encode(message);
}
