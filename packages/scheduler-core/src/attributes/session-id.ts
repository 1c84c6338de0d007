// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';

/** Session the request belongs to, as the client names it; never empty. Default producer: `session-id-producer`. */
export const sessionId = (producer = 'session-id-producer'): Attribute<string> =>
  attribute('SessionID', producer);
