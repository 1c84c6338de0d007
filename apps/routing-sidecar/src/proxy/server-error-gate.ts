// SPDX-License-Identifier: Apache-2.0
import type { Gate } from './relay.ts';

/**
 * Keeps a server's error from the client until somebody has decided whose fault it is: of two servers that work on one
 * request at the same time, one fails when the other one does.
 */
export const createServerErrorGate = (): Gate => ({
  begin: (status) => (status >= 500 ? 'undecided' : 'pass'),
  push: () => 'undecided',
  end: () => 'withhold',
});
