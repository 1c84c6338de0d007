// SPDX-License-Identifier: Apache-2.0
import { findEnvoy, pathOf, type RealPart } from '@llm-d/test-kit';
import {
  findControlPlane,
  findGatewayApiCrds,
  findInferenceExtensionCrds,
  findIstioCrds,
  findPilotDiscovery,
  readCrds,
} from '@llm-d/test-kit/kubernetes';
import { networkInterfaces } from 'node:os';

/** An IPv4 address of this machine that is not loopback, or that there is none. */
function findAddress(): RealPart {
  const addresses = Object.values(networkInterfaces()).flatMap((several) => several ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  return own === undefined
    ? { missing: 'this machine has no IPv4 address but loopback' }
    : { path: own.address };
}

const address = findAddress();
// One after the other: two builds at once need twice the memory.
const controlPlane = await findControlPlane();
const pilot = await findPilotDiscovery();
const envoy = await findEnvoy();
const crds = [
  await findGatewayApiCrds(),
  await findInferenceExtensionCrds(),
  await findIstioCrds(),
];

/** What these tests need of others: the first that is missing, or Istio's control plane. */
export const parts: RealPart =
  [address, controlPlane, envoy, ...crds].find((part) => 'missing' in part) ?? pilot;

/** The address that everything which is reached through EndpointSlices listens on. */
export const machineAddress = (): string => pathOf(address);
export const envoyPath = (): string => pathOf(envoy);
export const pilotPath = (): string => pathOf(pilot);

/** The CustomResourceDefinitions of Gateway API, its inference extension and Istio. */
export async function foreignCrds(): Promise<readonly object[]> {
  return (await Promise.all(crds.map((part) => readCrds(pathOf(part))))).flat();
}
