// SPDX-License-Identifier: Apache-2.0
import type { Connector, ConnectorName } from './connector.ts';
import { mooncake } from './mooncake.ts';
import { nixlv2 } from './nixlv2.ts';
import { offloading } from './offloading.ts';
import { sglang } from './sglang.ts';
import { sharedStorage } from './shared-storage.ts';

/** Every connector. A new one is a file and a row here. */
export const connectors: Readonly<Record<ConnectorName, Connector>> = {
  nixlv2,
  'shared-storage': sharedStorage,
  sglang,
  mooncake,
  offloading,
};
