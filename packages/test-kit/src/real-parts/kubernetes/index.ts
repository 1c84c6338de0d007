// SPDX-License-Identifier: Apache-2.0
export { findControlPlane, startControlPlane } from './control-plane.ts';
export { findGatewayApiCrds, findInferenceExtensionCrds, readCrds } from './foreign-crds.ts';
export { createCertificateAuthority } from './certificates.ts';
export { findIstioCrds, findPilotDiscovery } from '../istio.ts';
export { startIstioPilot } from '../istio-pilot.ts';

export type { ControlPlane, ControlPlaneOptions } from './control-plane.ts';
export type { ApiAnswer } from './api-access.ts';
export type { CertificateAuthority, Identity } from './certificates.ts';
export type { IstioPilot, IstioPilotOptions } from '../istio-pilot.ts';
