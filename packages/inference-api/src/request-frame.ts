// SPDX-License-Identifier: Apache-2.0
import type { JsonKind } from './json/json-scanner.ts';
import type { ByteSpan } from './parsed-request.ts';
import type { Field, MediaKind, ObjectShape, Shape } from './request-shape.ts';

/** An open container that is read. Kept and used again for the next one at its depth. */
export interface Frame {
  /** Of an object, its shape. */
  object: ObjectShape | undefined;
  /** Of an array, the shape of its items. */
  items: Shape | undefined;
  uniform: boolean;
  firstKind: JsonKind | undefined;
  /** Of an array, the index of the item at hand. */
  index: number;
  /** Of an object, the field at hand, undefined if its name is not one that is read. */
  field: Field | undefined;
  keyOffset: number;
  valueOffset: number;
  /** Bits of the fields seen. */
  seen: number;
  /** Where this object's marks begin in the reader's list. */
  marksFrom: number;
  /** Of a content part: what its type says, what its members say, where its payload is. */
  typeMedia: MediaKind | undefined;
  memberMedia: MediaKind | undefined;
  payload: ByteSpan | undefined;
}

/** A frame that stands for nothing yet. */
export function createFrame(): Frame {
  return {
    object: undefined,
    items: undefined,
    uniform: false,
    firstKind: undefined,
    index: -1,
    field: undefined,
    keyOffset: 0,
    valueOffset: 0,
    seen: 0,
    marksFrom: 0,
    typeMedia: undefined,
    memberMedia: undefined,
    payload: undefined,
  };
}

/** Makes the frame that of a container that begins. */
export function openFrame(
  frame: Frame,
  container: Pick<Frame, 'object' | 'items' | 'uniform' | 'marksFrom'>,
): void {
  frame.object = container.object;
  frame.items = container.items;
  frame.uniform = container.uniform;
  frame.marksFrom = container.marksFrom;
  frame.firstKind = undefined;
  frame.index = -1;
  frame.field = undefined;
  frame.seen = 0;
  frame.typeMedia = undefined;
  frame.memberMedia = undefined;
  frame.payload = undefined;
}
