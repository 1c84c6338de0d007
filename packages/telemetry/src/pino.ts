// SPDX-License-Identifier: Apache-2.0
import { pino, stdSerializers, type DestinationStream } from 'pino';
import type { LogFields, Logger } from './logger.ts';

/** Levels from the most to the least talkative. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface PinoLoggerOptions {
  /** Name of the program, on every line. */
  readonly name: string;
  /** Lowest level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Where lines go. Default standard output. */
  readonly destination?: DestinationStream;
}

/** A logger that writes one JSON object a line, through pino. An `error` field keeps type, message and stack. */
export function createPinoLogger(options: PinoLoggerOptions): Logger {
  const settings = {
    name: options.name,
    level: options.level ?? 'info',
    base: { name: options.name },
    serializers: { error: stdSerializers.err },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  return adapt(options.destination ? pino(settings, options.destination) : pino(settings));
}

type PinoInstance = ReturnType<typeof pino>;

function adapt(instance: PinoInstance): Logger {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) => {
      instance[level](fields, message);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => adapt(instance.child(fields)),
  };
}
