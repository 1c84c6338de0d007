// SPDX-License-Identifier: Apache-2.0
export { CertificateError, readCertificate, selfSignedCertificate } from './certificate.ts';
export { followCertificate } from './certificate-reload.ts';
export { parseTlsPolicy } from './tls-policy.ts';

export type { TlsCertificate } from './certificate.ts';
export type { FollowCertificateOptions } from './certificate-reload.ts';
export type { TlsPolicy } from './tls-policy.ts';
