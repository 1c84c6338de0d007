// SPDX-License-Identifier: Apache-2.0

/** Where text for people goes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** A screen with lines that stay and, on a terminal, a block below them that is drawn again and again. */
export interface Screen {
  /** Adds a line that stays. */
  line(text: string): void;
  /** Replaces the block. */
  block(text: string): void;
}

const ERASE_DOWN = '\u001b[0J';
const up = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A`);

/** A screen on a terminal: the block moves down as lines are added above it. */
export function createScreen(output: Output): Screen {
  let drawn = '';
  const erase = (): string => {
    const lines = drawn === '' ? 0 : drawn.split('\n').length;
    return lines === 0 ? '' : `${up(lines)}\r${ERASE_DOWN}`;
  };
  const draw = (text: string): string => (text === '' ? '' : `${text}\n`);
  return {
    line: (text) => {
      output.write(`${erase()}${text}\n${draw(drawn)}`);
    },
    block: (text) => {
      output.write(`${erase()}${draw(text)}`);
      drawn = text;
    },
  };
}
