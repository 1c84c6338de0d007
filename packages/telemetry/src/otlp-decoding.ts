// SPDX-License-Identifier: Apache-2.0

export type ReceivedValue = string | number | boolean | readonly ReceivedValue[] | undefined;
export type ReceivedAttributes = Readonly<Record<string, ReceivedValue>>;

/** A span as a collector gets it. Ids are hexadecimal, times milliseconds since the Unix epoch. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a first span. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: ReceivedAttributes;
  readonly events: readonly { readonly name: string; readonly attributes: ReceivedAttributes }[];
  /** 2 is an error. */
  readonly status: { readonly code: number; readonly message: string };
  /** Of the process that sent it. */
  readonly resource: ReceivedAttributes;
}

/** The spans of an `ExportTraceServiceRequest` (opentelemetry-proto 1.x). */
export function decodeTraceExport(bytes: Buffer): readonly ReceivedSpan[] {
  return parts(bytes, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(parts(part(resourceSpans, 1), 1));
    const scopes = parts(resourceSpans, 2);
    return scopes.flatMap((scope) => parts(scope, 2).map((span) => spanOf(span, resource)));
  });
}

function spanOf(bytes: Buffer, resource: ReceivedAttributes): ReceivedSpan {
  const fields = fieldsOf(bytes);
  const status = fieldsOf(part(bytes, 15));
  return {
    traceId: bytesAt(fields, 1).toString('hex'),
    spanId: bytesAt(fields, 2).toString('hex'),
    parentSpanId: bytesAt(fields, 4).toString('hex'),
    name: bytesAt(fields, 5).toString(),
    kind: numberAt(fields, 6),
    startMs: numberAt(fields, 7) / 1e6,
    endMs: numberAt(fields, 8) / 1e6,
    attributes: attributesOf(parts(bytes, 9)),
    events: parts(bytes, 11).map((event) => ({
      name: part(event, 2).toString(),
      attributes: attributesOf(parts(event, 3)),
    })),
    status: { message: bytesAt(status, 2).toString(), code: numberAt(status, 3) },
    resource,
  };
}

const attributesOf = (pairs: readonly Buffer[]): ReceivedAttributes =>
  Object.fromEntries(pairs.map((pair) => [part(pair, 1).toString(), valueOf(part(pair, 2))]));

function valueOf(bytes: Buffer): ReceivedValue {
  const [first] = fieldsOf(bytes);
  if (first === undefined) return undefined;
  const { field, value } = first;
  if (typeof value === 'number') return field === 2 ? value !== 0 : value;
  if (field === 4) return value.readDoubleLE(0);
  return field === 5 ? parts(value, 1).map(valueOf) : value.toString();
}

interface Field {
  readonly field: number;
  /** A number where it came as a varint or, in a span's times, as a fixed64. */
  readonly value: number | Buffer;
}

const part = (bytes: Buffer, field: number): Buffer => parts(bytes, field)[0] ?? Buffer.alloc(0);

const parts = (bytes: Buffer, field: number): readonly Buffer[] =>
  fieldsOf(bytes).flatMap((found) =>
    found.field === field && typeof found.value !== 'number' ? [found.value] : [],
  );

function bytesAt(fields: readonly Field[], field: number): Buffer {
  const value = fields.find((found) => found.field === field)?.value;
  return value === undefined || typeof value === 'number' ? Buffer.alloc(0) : value;
}

function numberAt(fields: readonly Field[], field: number): number {
  const value = fields.find((found) => found.field === field)?.value ?? 0;
  return typeof value === 'number' ? value : Number(value.readBigUInt64LE(0));
}

/** Protocol Buffers' wire format: varints, fixed64, fixed32 and what has a length. */
function fieldsOf(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) fields.push({ field, value: varint() });
    else fields.push({ field, value: take(wire === 2 ? varint() : wire === 1 ? 8 : 4) });
  }
  return fields;
}
