import { createHash } from 'node:crypto';

import { parseAddress } from '../config/address-rules.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { createKnownAddresses, type KnownAddresses } from '../config/known-addresses.ts';
import { processLogin } from '../config/process-login.ts';
import type { SourceRef } from '../config/source-ref.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { CallAccess, CallCertificate } from '../keystore/call.ts';
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
  | { readonly method: ProcessAuth['method']; readonly mount: string; readonly roleName: string | undefined }
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
  /** KV version 2 mount of the state of BYOK keys; undefined where none is kept. */
  readonly stateMount: string | undefined;
  /**
   * Whether the place may well have no such mount: its tenant brought its own, and `keys.stateMount` speaks of those whom the
   * provider has made.
   */
  readonly stateMountMayBeMissing: boolean;
  readonly identity: Identity;
  /** Equal exactly for targets that are reached with the same credential. */
  readonly credential: string;
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
type Mounts = Pick<Target, 'transitMount' | 'stateMount' | 'stateMountMayBeMissing'>;
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
        ? ownTarget(configuration, auth.mount, configured, read)
        : processTarget(configuration, auth, configured),
  };
}

function ownTarget(
  { keys, openbao }: PluginConfiguration,
  mount: string,
  configured: ClusterTarget,
  read: CertificateReader,
) {
  const known = createKnownAddresses(openbao);
  return (access: CallAccess): Target => {
    if (access.address === undefined || access.certificate === undefined) {
      throw accessDataError('MISSING_FIELDS', [
        ...(access.address === undefined ? ['address'] : []),
        ...(access.certificate === undefined ? ['clientCert', 'privateKey'] : []),
      ]);
    }
    return complete(
      allowedCluster(access.address, known, configured),
      access.namespace ?? openbao.namespace,
      {
        transitMount: access.mountPath ?? openbao.transitMount,
        stateMount: access.stateMountPath ?? keys.stateMount,
        stateMountMayBeMissing: access.stateMountPath === undefined,
      },
      {
        method: 'callCertificate',
        mount: access.authMountPath ?? mount,
        roleName: access.roleName,
        certificate: read(access.certificate),
      },
    );
  };
}

function allowedCluster(text: string, known: KnownAddresses, configured: ClusterTarget): ClusterTarget {
  const address = known.find(text);
  if (address === 'malformed') throw accessDataError('CANNOT_PARSE_DATA', ['address']);
  if (address === 'not-allowed') {
    throw new KeystoreError('address-not-allowed', 'the address is not allowed', {
      fields: ['address'],
      accessDataReason: 'CANNOT_PARSE_DATA',
    });
  }
  const { entry, origin } = address;
  if (entry === undefined) return configured;
  const { ca, privateAddresses, serverName } = entry;
  return { origins: [origin], ca, serverName, allowPrivateAddresses: privateAddresses };
}

function processTarget({ keys, openbao }: PluginConfiguration, auth: ProcessAuth, configured: ClusterTarget) {
  const mounts = {
    transitMount: openbao.transitMount,
    stateMount: keys.stateMount,
    stateMountMayBeMissing: false,
  };
  const known = createKnownAddresses(openbao);
  const { mount = '', role: roleName } = processLogin(auth);
  const target = complete(configured, openbao.namespace, mounts, { method: auth.method, mount, roleName });
  return (access: CallAccess): Target => {
    // Access data may repeat what the configuration says, and nothing else.
    const steering = [
      ...(access.address === undefined || known.isConfigured(access.address) ? [] : ['address']),
      ...differing('namespace', access.namespace, openbao.namespace),
      ...differing('mountPath', access.mountPath, openbao.transitMount),
      ...differing('authMountPath', access.authMountPath, mount),
      ...differing('roleName', access.roleName, roleName),
      ...differing('stateMountPath', access.stateMountPath, keys.stateMount),
    ];
    if (steering.length > 0) throw accessDataError('CANNOT_PARSE_DATA', steering);
    return target;
  };
}

function differing(field: string, named: string | undefined, configured: string | undefined): string[] {
  return named === undefined || named === configured ? [] : [field];
}

function complete(cluster: ClusterTarget, namespace: string, mounts: Mounts, identity: Identity): Target {
  const parts = [
    cluster.origins,
    cluster.ca ?? null,
    cluster.serverName ?? null,
    cluster.allowPrivateAddresses,
    namespace,
    identity.method,
    identity.mount,
    identity.roleName ?? null,
    identity.method === 'callCertificate' ? identity.certificate.fingerprint : null,
  ];
  const sessionKey = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  const credential = identity.method === 'callCertificate' ? identity.certificate.fingerprint : '';
  return { cluster, namespace, ...mounts, identity, credential, sessionKey };
}

function accessDataError(reason: 'MISSING_FIELDS' | 'CANNOT_PARSE_DATA', fields: readonly string[]): KeystoreError {
  const what = reason === 'MISSING_FIELDS' ? 'access data is missing' : 'access data cannot be used';
  return new KeystoreError('invalid-access-data', what, { fields, accessDataReason: reason });
}
