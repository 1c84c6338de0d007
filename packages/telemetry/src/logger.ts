// SPDX-License-Identifier: Apache-2.0

/** Facts that go with a message. Values must be small; never prompt text. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A structured logger. Messages are constant sentences without values; values travel as fields,
 * an error as the field `error`.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to everything it writes. */
  with(fields: LogFields): Logger;
}

const ignore = (): void => undefined;

/** Writes nothing; the default of every library. */
export const noopLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  with: () => noopLogger,
};
