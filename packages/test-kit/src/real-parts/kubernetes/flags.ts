// SPDX-License-Identifier: Apache-2.0

/** Files that the programs share. */
export interface ControlPlaneFiles {
  readonly ca: string;
  readonly caKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly tokens: string;
}

const SERVICE_CIDR = '10.96.0.0/16';

/** Flags of an etcd that trades durability for speed. */
export function etcdFlags(options: {
  readonly port: number;
  readonly peerPort: number;
  readonly folder: string;
}): readonly string[] {
  const client = `http://127.0.0.1:${options.port}`;
  const peer = `http://127.0.0.1:${options.peerPort}`;
  return [
    `--data-dir=${options.folder}`,
    '--name=default',
    '--log-level=warn',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ];
}

/** Flags of an API server with RBAC, client certificates and tokens. */
export function apiserverFlags(options: {
  readonly port: number;
  readonly etcdPort: number;
  readonly files: ControlPlaneFiles;
  readonly controllerManager: boolean;
}): readonly string[] {
  const { files } = options;
  return [
    `--etcd-servers=http://127.0.0.1:${options.etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${options.port}`,
    '--advertise-address=127.0.0.1',
    // It would refuse to publish a loopback address as that of the service `kubernetes`.
    '--endpoint-reconciler-type=none',
    // Without controllers nobody makes the service accounts that pods are asked to have.
    ...(options.controllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
    `--tls-cert-file=${files.serverCert}`,
    `--tls-private-key-file=${files.serverKey}`,
    `--client-ca-file=${files.ca}`,
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    '--allow-privileged=true',
    '--profiling=false',
    '--shutdown-delay-duration=0s',
  ];
}

/** Flags of a controller manager that is alone and need not be elected. */
export function controllerManagerFlags(options: {
  readonly port: number;
  readonly kubeconfig: string;
  readonly files: ControlPlaneFiles;
}): readonly string[] {
  const { files, kubeconfig } = options;
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${options.port}`,
    `--tls-cert-file=${files.serverCert}`,
    `--tls-private-key-file=${files.serverKey}`,
    '--leader-elect=false',
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    `--root-ca-file=${files.ca}`,
    '--use-service-account-credentials=true',
    `--cluster-signing-cert-file=${files.ca}`,
    `--cluster-signing-key-file=${files.caKey}`,
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    '--profiling=false',
  ];
}
