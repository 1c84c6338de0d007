// SPDX-License-Identifier: Apache-2.0
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from 'yaml';
import { ConfigError } from './config-error.ts';
import type { ConfigPath, Locate, Position } from './problem-list.ts';

/** A configuration as plain data that remembers where in the text each field stood. */
export interface ConfigText {
  /** Null where the text holds nothing but comments. */
  readonly value: unknown;
  readonly locate: Locate;
}

/**
 * Reads YAML or JSON (one document; anchors and merge keys work). Throws {@link ConfigError} with every
 * syntax error.
 */
export function parseConfigText(text: string, source: string): ConfigText {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, merge: true };
  const document = parseDocument(text, options);
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, pos }) => ({
      path: '',
      ...positionOf(pos[0]),
      message,
    }));
    throw new ConfigError(source, problems);
  }
  const resolve = (node: Node) => (isAlias(node) ? node.resolve(document) : node);
  return {
    value: toPlainData(document, source),
    locate: (path) => {
      const offset = offsetOf(path, document.contents, resolve);
      return offset === undefined ? undefined : positionOf(offset);
    },
  };
}

/** Aliases are followed only here, so an unknown or an explosive one shows here. */
function toPlainData(document: Document, source: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new ConfigError(source, [{ path: '', message: (error as Error).message }]);
  }
}

/** Where the field's key or item begins, or what surrounds it where the field is missing. */
function offsetOf(
  path: ConfigPath,
  root: Node | null,
  resolve: (node: Node) => Node | undefined,
): number | undefined {
  let offset = root?.range?.[0];
  let node = root ?? undefined;
  for (const step of path) {
    const container = node && resolve(node);
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = (pair.value ?? undefined) as Node | undefined;
    } else if (isSeq(container)) {
      node = container.items[Number(step)] as Node | undefined;
      offset = node?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
