// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import type { TlsCertificate } from './certificate.ts';

export interface FollowCertificateOptions {
  /** Reads the certificate of the moment. */
  readonly read: () => Promise<TlsCertificate>;
  /** What is in use now. */
  readonly current: TlsCertificate;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time between two looks. Default 10,000. */
  readonly intervalMs?: number;
}

/**
 * Takes a changed certificate into use. It is looked at from time to time rather than watched: a mounted secret changes by
 * a swap of links, which no file system reports reliably. What cannot be used, such as half of a change, is left alone
 * and tried again.
 */
export function followCertificate(
  server: { setCertificate(certificate: TlsCertificate): void },
  options: FollowCertificateOptions,
): { stop(): void } {
  const { read, clock, logger, intervalMs = 10_000 } = options;
  let used = textOf(options.current);
  let stopped = false;
  let timer: Timer;
  const look = async (): Promise<void> => {
    try {
      const certificate = await read();
      const text = textOf(certificate);
      if (text !== used && !isStopped()) {
        server.setCertificate(certificate);
        used = text;
        logger.info('a new certificate is in use');
      }
    } catch (error) {
      logger.warn('the certificate cannot be renewed', { error });
    }
    if (!isStopped()) schedule();
  };
  // Read through a function: it may change while a file is read.
  const isStopped = (): boolean => stopped;
  const schedule = (): void => {
    timer = clock.schedule(intervalMs, () => void look());
  };
  schedule();
  return {
    stop: () => {
      stopped = true;
      timer.cancel();
    },
  };
}

const textOf = ({ cert, key }: TlsCertificate): string => `${String(cert)}\n${String(key)}`;
