import { isAbsolute } from 'node:path';

import { z } from 'zod';

import { isKeyId } from '../../keystore-contract/key-id.ts';
import { isHostName, parseAddress, parseAddressPattern } from './address-rules.ts';
import { parseJsonPath } from './json-path.ts';
import { isPath, isRegionLabel } from './path-rules.ts';
import { DEFAULT_TTLS, isDuration } from './provider-combinations.ts';
import { Secret } from './secret.ts';
import { DEFAULT_SIZES } from './size-limits.ts';
import type { SourceRef } from './source-ref.ts';
import type { SupportedRegion } from './supported-regions.ts';

const MIB = 1024 * 1024;

const text = z.string().min(1).max(255);
const PATH_RULE = 'must be segments of letters, digits, "_", "." and "-", joined by "/"';
const path = z.string().refine(isPath, PATH_RULE);
const namespace = z.string().refine((value) => value === '' || isPath(value), PATH_RULE);
const hostName = z.string().refine(isHostName, 'must be a host name in lower-case ASCII');
const address = z.string().refine((value) => parseAddress(value) !== undefined, {
  error: 'must be https://HOST or https://HOST:PORT and nothing more',
});
const addressPattern = z.string().refine((value) => parseAddressPattern(value) !== undefined, {
  error: 'must be https://HOST or https://HOST:PORT, where the first label of HOST may be "*"',
});

const regionLabel = z
  .string()
  .refine(isRegionLabel, 'must be 1 to 50 letters, digits, blanks, "_", ".", "/", ":" or "-"');

const duration = z.string().refine(isDuration, 'must be a number with s, m or h');
// OpenBao keeps policy names in lower case, and a keystore's name is part of them.
const namePrefix = z.string().regex(/^[a-z0-9][a-z0-9-]{0,19}$/, 'must be 1 to 20 lower-case letters, digits or "-"');

const milliseconds = (byDefault: number, min: number, max: number) => z.int().min(min).max(max).default(byDefault);
const count = milliseconds;
const bytes = milliseconds;

// The shape is common-sdk's, which CMK also writes: members that do not belong to the source may be there, but empty.
const sourceFile = z.strictObject({
  path: z.string().max(4096).default('').describe('Absolute path.'),
  format: z
    .enum(['', 'json', 'yaml', 'binary'])
    .default('')
    .describe('`json` selects a member; any other is the whole file.'),
  jsonPath: z.string().max(255).default('').describe('Member of a JSON file, as in `$.auth.id`.'),
});

const sourceRef = z
  .strictObject({
    source: z.enum(['embedded', 'env', 'file']).default('embedded').describe('Where the value is.'),
    value: z
      .string()
      .max(65_536)
      .default('')
      .describe('The value itself (`embedded`), or the name of a variable (`env`).'),
    env: z.string().max(255).default('').describe('Name of the environment variable (`env`).'),
    file: sourceFile.optional().describe('The file (`file`), read again at every login.'),
  })
  .transform((ref, context): SourceRef => {
    const problem = (at: string[], message: string): SourceRef => {
      context.addIssue({ code: 'custom', path: at, message });
      return z.NEVER;
    };
    const file = ref.file ?? { path: '', format: '', jsonPath: '' };
    switch (ref.source) {
      case 'embedded':
        return ref.value === ''
          ? problem(['value'], 'must not be empty')
          : { source: 'embedded', value: new Secret(ref.value) };
      case 'env': {
        const env = ref.value === '' ? ref.env : ref.value;
        return env === '' ? problem(['env'], 'must name an environment variable') : { source: 'env', env };
      }
      case 'file':
        if (!isAbsolute(file.path)) return problem(['file', 'path'], 'must be an absolute path');
        if (file.jsonPath === '') return { source: 'file', file: { path: file.path } };
        if (file.format !== 'json') return problem(['file', 'jsonPath'], 'needs format json');
        if (parseJsonPath(file.jsonPath) === undefined)
          return problem(['file', 'jsonPath'], 'must be a path like $.a.b');
        return { source: 'file', file: { path: file.path, format: 'json', jsonPath: file.jsonPath } };
    }
  });

const openbao = z
  .strictObject({
    addresses: z
      .array(address)
      .max(16)
      .default([])
      .describe('URLs of one OpenBao cluster. The process identity is only ever sent to these.'),
    namespace: namespace.default('').describe('Namespace of calls that name none; empty is the root.'),
    transitMount: path.default('transit').describe('Transit mount of calls that name none.'),
    ca: sourceRef
      .optional()
      .describe('PEM of the authorities trusted for `openbao.addresses`; default: those that Node was built with.'),
    serverName: hostName
      .optional()
      .describe('Name expected in the certificate of `openbao.addresses`; default: the host.'),
    allowedAddresses: z
      .array(
        z.strictObject({
          pattern: addressPattern.describe('Scheme, host and port; the first host label may be `*`.'),
          ca: sourceRef.optional().describe('PEM of the authorities trusted for these addresses.'),
          serverName: hostName.optional().describe('Name expected in the certificate of these addresses.'),
          privateAddresses: z
            .boolean()
            .default(false)
            .describe('Whether the name may resolve to an address that is not public.'),
          region: regionLabel
            .optional()
            .describe('Region answered for a key at these addresses whose access data names none.'),
        }),
      )
      .max(64)
      .default([])
      .describe('Addresses that a call may name.'),
  })
  .prefault({})
  .describe('The OpenBao servers.');

const callCertificate = z.strictObject({
  method: z
    .literal('callCertificate')
    .default('callCertificate')
    .describe('`callCertificate`: the certificate and key that each call brings, as CMK sends them.'),
  mount: path.default('cert').describe('Mount of the TLS certificate auth method, for calls that name none.'),
});

const approle = z.strictObject({
  method: z.literal('approle').describe('`approle`: one identity of the process, by role id and secret id.'),
  mount: path.default('approle').describe('Mount of the AppRole auth method.'),
  roleId: z
    .union([text, sourceRef], 'must be a text or a mapping with source')
    .describe('The role id; no secret, so a plain text will do.'),
  secretId: sourceRef.optional().describe('The secret id: a file; `env` and `embedded` only with `development`.'),
  secretIdWrapped: sourceRef
    .optional()
    .describe('In its place a response-wrapping token of it, in a file of this process alone: it can be used once.'),
  role: text.optional().describe('Name of the role, to check where a wrapped secret id was made; needed with it.'),
});

const tokenPath = z
  .string()
  .refine((value) => isAbsolute(value), 'must be an absolute path')
  .describe('File of the token, read again at every login.');

const kubernetes = z.strictObject({
  method: z.literal('kubernetes').describe('`kubernetes`: one identity of the process, by its service account token.'),
  mount: path.default('kubernetes').describe('Mount of the Kubernetes auth method.'),
  role: text.describe('Role of the Kubernetes auth method.'),
  tokenPath: tokenPath.default('/var/run/secrets/kubernetes.io/serviceaccount/token'),
});

const jwt = z.strictObject({
  method: z.literal('jwt').describe('`jwt`: one identity of the process, by a signed token from a file.'),
  mount: path.default('jwt').describe('Mount of the JWT auth method.'),
  role: text.optional().describe('Role; default: the default role of the mount.'),
  tokenPath,
});

const cert = z.strictObject({
  method: z.literal('cert').describe('`cert`: one identity of the process, by a client certificate from files.'),
  mount: path.default('cert').describe('Mount of the TLS certificate auth method.'),
  role: text.optional().describe('Certificate role; default: every role is tried.'),
  certificate: sourceRef.describe('PEM of the client certificate and its chain.'),
  key: sourceRef.describe('PEM of its private key: a file; `env` and `embedded` only with `development`.'),
});

const token = z.strictObject({
  method: z.literal('token').describe('`token`: a token that was made elsewhere; only with `development`.'),
  token: sourceRef.describe('The token. It is renewed, never replaced and never revoked.'),
});

const auth = z
  .discriminatedUnion(
    'method',
    [callCertificate, approle, kubernetes, jwt, cert, token],
    'must be callCertificate, approle, kubernetes, jwt, cert or token',
  )
  .prefault({})
  .describe('How the plugin logs in.');

const keys = z
  .strictObject({
    region: regionLabel.optional().describe('Region answered for a key whose access data names none.'),
    regions: z
      .array(regionLabel)
      .max(1000)
      .optional()
      .describe('Regions in which BYOK keys may be made; default: any.'),
    deletion: z
      .enum(['softDelete', 'destroy'])
      .default('softDelete')
      .describe('What DeleteKey does: disable the key for its owner to destroy, or destroy it at once.'),
    stateMount: path
      .optional()
      .describe(
        'KV version 2 mount that holds the state of BYOK keys, for calls that name none; default: none is kept.',
      ),
    maxVersions: z.int().min(1).optional().describe('How many of the newest key versions are reported; default: all.'),
  })
  .prefault({})
  .describe('Keys.');

const limits = z
  .strictObject({
    readBudgetMs: milliseconds(1200, 100, 10_000).describe('Time for a read, an encrypt, a decrypt or a rewrap.'),
    changeBudgetMs: milliseconds(3000, 100, 60_000).describe(
      'Time for a change of a key; the change goes on when the waiting call has ended.',
    ),
    loginBudgetMs: milliseconds(5000, 100, 60_000).describe(
      'Time for a login; it goes on when the waiting call has ended.',
    ),
    connectTimeoutMs: milliseconds(1000, 50, 30_000).describe('Time for a connection with its TLS handshake.'),
    maxSessions: count(1000, 1, 100_000).describe('Identities held at once; the least recently used one leaves first.'),
    maxSessionsPerCredential: count(32, 1, 100_000).describe(
      'Places that one certificate may be used at, at once; another one ends its least recently used.',
    ),
    sessionIdleMs: milliseconds(900_000, 1000, 86_400_000).describe('An identity unused for so long is logged out.'),
    maxConcurrentCalls: count(256, 1, 100_000).describe('Calls at work at once.'),
    maxConcurrentCallsPerSession: count(64, 1, 100_000).describe('Calls of one identity at work at once.'),
    maxQueuedCalls: count(1024, 0, 100_000).describe('Calls waiting for their turn; one more is refused.'),
    maxAnswerBytes: bytes(DEFAULT_SIZES.maxAnswerBytes, 65_536, 64 * MIB).describe(
      'Largest answer of OpenBao that is read.',
    ),
    maxPlaintextBytes: bytes(DEFAULT_SIZES.maxPlaintextBytes, 1, 16 * MIB).describe('Largest plaintext.'),
    maxConnectionsPerSession: count(8, 1, 256).describe('Connections to one server for one identity.'),
  })
  .prefault({})
  .describe('Times, numbers and sizes.');

const crypto = z
  .strictObject({
    testKey: z
      .string()
      .refine(isKeyId, 'must be a key id')
      .optional()
      .describe('Key that a deep health check encrypts and decrypts with.'),
  })
  .prefault({})
  .describe('Encryption.');

const audit = z
  .strictObject({
    level: z
      .enum(['none', 'debug', 'info', 'warn'])
      .default('none')
      .describe('Level of the audit record of a call that succeeds; one that fails has its own when that is higher.'),
    detail: z
      .enum(['call', 'full'])
      .default('call')
      .describe('`call`: what was called and what came of it; `full`: also the server, the path and the identity.'),
    keyNames: z.enum(['plain', 'hashed']).default('plain').describe('How records name keys.'),
    salt: z
      .string()
      .max(255)
      .default('')
      .describe('What hashes in records begin with; the same wherever records are to be compared.'),
  })
  .prefault({})
  .describe('Audit records: a log line for each call.');

const provider = z
  .strictObject({
    isolation: z
      .enum(['namespace', 'mount'])
      .default('namespace')
      .describe(
        'What a keystore is: a namespace of its own below `openbao.namespace`, or mounts beside those of others.',
      ),
    namePrefix: namePrefix.default('openkcm-').describe('What the names of keystores begin with.'),
    ca: sourceRef.describe('PEM of the authorities whose certificates may be granted trust; read at every grant.'),
    authMount: path
      .default('cert')
      .describe(
        'Mount of the TLS certificate auth method; `namespace` makes it in each keystore, `mount` needs it there.',
      ),
    address: address
      .optional()
      .describe('URL of OpenBao that is handed out in access data; default: the first of `openbao.addresses`.'),
    tokenTtl: duration.default(DEFAULT_TTLS.tokenTtl).describe('Lease of the tokens of granted roles.'),
    tokenMaxTtl: duration.default(DEFAULT_TTLS.tokenMaxTtl).describe('Maximum of the lease with all its renewals.'),
    setupBudgetMs: milliseconds(30_000, 1000, 300_000).describe(
      'Time for making or deleting a keystore; beyond it a new one is undone.',
    ),
  })
  .describe('Keystores for BYOK, for the plugin type KeystoreProvider; without it none are offered.');

/**
 * The one definition of the keys, their defaults and ranges: the JSON Schema (`z.toJSONSchema` with `io: 'input'`) and the
 * documented table are made from it. What must hold between keys is in `combinations.ts`.
 */
export const configurationSchema = z.strictObject({
  development: z
    .boolean()
    .default(false)
    .describe('Allows what is unsafe elsewhere: http to a loopback address, secrets in the text or the environment.'),
  openbao,
  auth,
  keys,
  limits,
  crypto,
  audit,
  provider: provider.optional(),
});

type Configuration = z.output<typeof configurationSchema> & {
  /** What CMK merges into the text of a provider entry; absent for other plugin types. */
  supportedRegions?: SupportedRegion[];
};
type DeepReadonly<T> = T extends Secret ? T : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** A complete, checked and frozen configuration: every key with a default has its value. */
export type PluginConfiguration = DeepReadonly<Configuration>;
