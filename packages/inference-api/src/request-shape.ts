// SPDX-License-Identifier: Apache-2.0

/** Kinds of content that are not text. */
export type MediaKind = 'image' | 'audio' | 'video' | 'file';

/** What becomes of a string. */
export type StringUse = 'text' | 'model' | 'cacheSalt' | 'partType' | 'media';

/**
 * What the request parser does with a value at a known place, by the JSON kind it turns out to have. A kind without
 * a use is refused, or skipped if the shape is lenient. `null` counts as absent, except as an array's item.
 */
export interface Shape {
  /** Names what is accepted, for the error: "must be …". */
  readonly expected: string;
  readonly string?: StringUse;
  readonly number?: 'token' | 'limit';
  readonly boolean?: 'stream' | 'includeUsage';
  readonly object?: ObjectShape;
  /** The shape of an array's items. */
  readonly array?: Shape;
  /** An array's items must all be of the first one's kind. */
  readonly uniform?: true;
  /** Other kinds are skipped instead of refused. */
  readonly lenient?: true;
}

/** A member that is read. Names are unique within an object. */
export interface FieldSpec {
  readonly name: string;
  readonly shape: Shape;
  /**
   * Where its text goes: sections of the body follow each other in the prompt by this number, and so do the parts of
   * one item, whatever the order of the keys. 0 to 3, default 1.
   */
  readonly order?: number;
  /** The bytes of the value, as they are, are a part of the prompt. */
  readonly raw?: true;
  /** The member is recorded so that the edge can remove it. */
  readonly strip?: true;
  /** One field of this mark must be there and not be empty. */
  readonly prompt?: true;
  /** Being there excuses the absence of a prompt. */
  readonly insteadOfPrompt?: true;
  /** For a limit: the lowest rank present wins. Default 0. */
  readonly rank?: number;
  /** For media: its kind, as far as the member's name tells it. */
  readonly media?: MediaKind;
}

/** A {@link FieldSpec} with what matching it needs. */
export interface Field extends FieldSpec {
  readonly nameBytes: Uint8Array;
  readonly order: number;
  readonly rank: number;
  /** The field's own bit among those of its object. */
  readonly bit: number;
}

/** The members of an object that are read. */
export interface ObjectShape {
  readonly fields: readonly Field[];
  /** An object that may be a content part: its `partType` or media member makes it one item of media. */
  readonly isPart: boolean;
}

const MAX_FIELDS = 31;

/** Builds the shape of an object from the members that are read; all others are skipped. */
export function objectOf(specs: readonly FieldSpec[]): ObjectShape {
  if (specs.length > MAX_FIELDS) throw new RangeError(`an object has at most ${MAX_FIELDS} fields`);
  const fields = specs.map((spec, index) => ({
    ...spec,
    nameBytes: Buffer.from(spec.name),
    order: spec.order ?? 1,
    rank: spec.rank ?? 0,
    bit: 1 << index,
  }));
  return {
    fields,
    isPart: specs.some(({ shape, media }) => shape.string === 'partType' || media !== undefined),
  };
}

/** Any value: looked over, never refused. */
export const anything: Shape = { expected: 'anything', lenient: true };
