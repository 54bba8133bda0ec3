import { createHash } from 'node:crypto';

import { matchAllowedAddress, parseAddress } from '../config/address-rules.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import type { SourceRef } from '../config/source-ref.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { CallAccess, CallCertificate } from '../keystore/keystore.ts';
import type { ClientCertificate } from './client-certificate.ts';

/** The servers of one cluster and how to trust them. */
export interface ClusterTarget {
  readonly origins: readonly string[];
  readonly ca: SourceRef | undefined;
  readonly serverName: string | undefined;
  readonly allowPrivateAddresses: boolean;
}

/** As whom to log in there. */
export type Identity =
  | { readonly method: 'approle'; readonly mount: string }
  | {
      readonly method: 'callCertificate';
      readonly mount: string;
      readonly roleName: string | undefined;
      readonly certificate: ClientCertificate;
    };

/** Where a call goes and as whom, after every check. */
export interface Target {
  readonly cluster: ClusterTarget;
  readonly namespace: string;
  readonly transitMount: string;
  readonly identity: Identity;
  /** Equal exactly for targets that may share a session: the same servers, trust, namespace and identity. */
  readonly sessionKey: string;
}

/** Decides where a call may go and as whom. */
export interface TargetResolver {
  /** The cluster of `openbao.addresses`. */
  readonly configured: ClusterTarget;
  /**
   * A process identity is only ever used with what the configuration says, and is never sent to an address that came with
   * a call; a call's own certificate goes to an address that the operator allows.
   *
   * @throws KeystoreError `invalid-access-data` or `address-not-allowed`.
   */
  resolve(access: CallAccess): Target;
}

type CertificateReader = (certificate: CallCertificate) => ClientCertificate;
type Auth = PluginConfiguration['auth'];
type ProcessAuth = Exclude<Auth, { method: 'callCertificate' }>;

export function createTargetResolver(configuration: PluginConfiguration, read: CertificateReader): TargetResolver {
  const { auth, openbao } = configuration;
  const configured: ClusterTarget = {
    origins: openbao.addresses.map((address) => parseAddress(address)?.origin ?? address),
    ca: openbao.ca,
    serverName: openbao.serverName,
    allowPrivateAddresses: true,
  };
  return {
    configured,
    resolve:
      auth.method === 'callCertificate'
        ? ownTarget(openbao, auth.mount, configured, read)
        : processTarget(openbao, auth, configured),
  };
}

type OpenBaoConfiguration = PluginConfiguration['openbao'];

function ownTarget(openbao: OpenBaoConfiguration, mount: string, configured: ClusterTarget, read: CertificateReader) {
  return (access: CallAccess): Target => {
    if (access.address === undefined || access.certificate === undefined) {
      throw accessDataError('MISSING_FIELDS', [
        ...(access.address === undefined ? ['address'] : []),
        ...(access.certificate === undefined ? ['clientCert', 'privateKey'] : []),
      ]);
    }
    return complete(
      allowedCluster(access.address, openbao, configured),
      access.namespace ?? openbao.namespace,
      access.mountPath ?? openbao.transitMount,
      {
        method: 'callCertificate',
        mount: access.authMountPath ?? mount,
        roleName: access.roleName,
        certificate: read(access.certificate),
      },
    );
  };
}

function allowedCluster(text: string, openbao: OpenBaoConfiguration, configured: ClusterTarget): ClusterTarget {
  const address = parseAddress(text);
  if (address === undefined) throw accessDataError('CANNOT_PARSE_DATA', ['address']);
  if (configured.origins.includes(address.origin)) return configured;
  const entry = matchAllowedAddress(address, openbao.allowedAddresses);
  if (entry === undefined) {
    throw new KeystoreError('address-not-allowed', 'the address is not allowed', {
      fields: ['address'],
      accessDataReason: 'CANNOT_PARSE_DATA',
    });
  }
  return {
    origins: [address.origin],
    ca: entry.ca,
    serverName: entry.serverName,
    allowPrivateAddresses: entry.privateAddresses,
  };
}

function processTarget(openbao: OpenBaoConfiguration, auth: ProcessAuth, configured: ClusterTarget) {
  const target = complete(configured, openbao.namespace, openbao.transitMount, {
    method: auth.method,
    mount: auth.mount,
  });
  return (access: CallAccess): Target => {
    // Access data may repeat what the configuration says, and nothing else.
    const steering = [
      ...(access.address === undefined || isConfigured(access.address) ? [] : ['address']),
      ...differing('namespace', access.namespace, openbao.namespace),
      ...differing('mountPath', access.mountPath, openbao.transitMount),
      ...differing('authMountPath', access.authMountPath, auth.mount),
      ...differing('roleName', access.roleName, undefined),
    ];
    if (steering.length > 0) throw accessDataError('CANNOT_PARSE_DATA', steering);
    return target;
  };

  function isConfigured(address: string): boolean {
    return configured.origins.includes(parseAddress(address)?.origin ?? '');
  }
}

function differing(field: string, named: string | undefined, configured: string | undefined): string[] {
  return named === undefined || named === configured ? [] : [field];
}

function complete(cluster: ClusterTarget, namespace: string, transitMount: string, identity: Identity): Target {
  const parts = [
    cluster.origins,
    cluster.ca ?? null,
    cluster.serverName ?? null,
    cluster.allowPrivateAddresses,
    namespace,
    identity.method,
    identity.mount,
    ...(identity.method === 'callCertificate' ? [identity.roleName ?? null, identity.certificate.fingerprint] : []),
  ];
  const sessionKey = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return { cluster, namespace, transitMount, identity, sessionKey };
}

function accessDataError(reason: 'MISSING_FIELDS' | 'CANNOT_PARSE_DATA', fields: readonly string[]): KeystoreError {
  const what = reason === 'MISSING_FIELDS' ? 'access data is missing' : 'access data cannot be used';
  return new KeystoreError('invalid-access-data', what, { fields, accessDataReason: reason });
}
