// SPDX-License-Identifier: Apache-2.0

/** Why a template cannot be filled in, and where. */
export class TemplateError extends Error {
  readonly code = 'TEMPLATE_ERROR';
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  constructor(reason: string, text: string, offset: number) {
    const before = text.slice(0, offset).split('\n');
    const line = before.length;
    const column = (before.at(-1)?.length ?? 0) + 1;
    super(`line ${line}, column ${column}: ${reason}`);
    this.name = 'TemplateError';
    this.line = line;
    this.column = column;
  }
}
