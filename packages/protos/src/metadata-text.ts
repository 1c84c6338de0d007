// SPDX-License-Identifier: Apache-2.0
import { BackwardWriter } from './backward-writer.ts';

/** Of ProcessingResponse. */
const DYNAMIC_METADATA = 8;
/** Of Struct, its entries and Value. */
const FIELDS = 1;
const KEY = 1;
const VALUE = 2;
const STRING_VALUE = 3;
const STRUCT_VALUE = 5;

/** Most bytes of tags and lengths. */
const FRAMING_BYTES = 60;

/** A `ProcessingResponse` of one text in dynamic metadata, to follow other fields. The same as `processingResponse` makes. */
export function encodeMetadataText(namespace: string, key: string, text: string): Buffer {
  const bytes = 3 * (namespace.length + key.length + text.length) + FRAMING_BYTES;
  const writer = new BackwardWriter(bytes);
  writer.text(STRING_VALUE, text);
  writer.enclose(VALUE, 0);
  writer.text(KEY, key);
  writer.enclose(FIELDS, 0);
  writer.enclose(STRUCT_VALUE, 0);
  writer.enclose(VALUE, 0);
  writer.text(KEY, namespace);
  writer.enclose(FIELDS, 0);
  writer.enclose(DYNAMIC_METADATA, 0);
  return writer.finish();
}
