// SPDX-License-Identifier: Apache-2.0
import { encodeHeaders, type HeaderField } from '../hpack/encoder.ts';
import { headerFieldsOf, type MetadataEntries } from './metadata.ts';
import { Status } from './status.ts';

const grpcHead: readonly HeaderField[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];

/** Header block of every response that carries messages. */
export const responseHead = encodeHeaders(grpcHead);

/** Trailers of a call that went well. */
const okTrailers = encodeHeaders([['grpc-status', '0']]);

/** How a call ends. */
export interface Ending {
  readonly status: Status;
  readonly message: string | undefined;
  readonly trailers: MetadataEntries | undefined;
}

/** The header block that ends a call: trailers, or head and trailers in one when nothing was sent before. */
export function endingBlock(ending: Ending, options: { readonly answered: boolean }): Buffer {
  const { status, message, trailers } = ending;
  if (options.answered && status === Status.ok && message === undefined && trailers === undefined)
    return okTrailers;
  const fields: HeaderField[] = options.answered ? [] : [...grpcHead];
  fields.push(['grpc-status', String(status)]);
  if (message !== undefined && message !== '')
    fields.push(['grpc-message', percentEncode(message)]);
  if (trailers !== undefined) fields.push(...headerFieldsOf(trailers));
  return encodeHeaders(fields);
}

/** The answer to a message encoding we do not read, which must name those we do. */
export const unknownEncoding = (encoding: string): Buffer =>
  encodeHeaders([
    ...grpcHead,
    ['grpc-status', String(Status.unimplemented)],
    ['grpc-message', percentEncode(`message encoding ${encoding} is not supported`)],
    ['grpc-accept-encoding', 'identity,gzip'],
  ]);

/** gRPC's percent encoding: printable ASCII other than % stays. */
function percentEncode(text: string): string {
  let encoded = '';
  for (const octet of Buffer.from(text)) {
    const plain = octet >= 0x20 && octet <= 0x7e && octet !== 0x25;
    encoded += plain
      ? String.fromCharCode(octet)
      : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
