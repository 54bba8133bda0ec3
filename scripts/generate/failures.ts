import type { KeystoreErrorClass } from '../../src/keystore/errors.ts';

/** A thing that goes wrong in the field, as an operator meets it. Texts are Markdown. */
export interface Failure {
  readonly cause: string;
  readonly impact: string;
  /** How it shows in answers and log lines. */
  readonly classes?: readonly KeystoreErrorClass[];
  /** Messages of log lines of the plugin. */
  readonly logs?: readonly string[];
  /** How it shows besides. */
  readonly signs?: readonly string[];
  readonly recovery: string;
}

const KEPT = 'No key can be used; consumers go on with what they have.';
const BY_ITSELF = 'By itself.';

/** All of them, in the order in which a call goes. */
export const FAILURES = {
  'Plugin and host': [
    {
      cause: 'The configuration is wrong.',
      impact: 'CMK loads no plugin at all, and its api-server ends.',
      signs: ['the host’s log, with every problem'],
      recovery: '`config check`; the former configuration back. A wrong one given to a running plugin changes nothing.',
    },
    {
      cause: 'The file is not the one of the `checksum`, or not executable, or a library is missing.',
      impact: 'As before.',
      signs: ['host: checksum or start failure', '`handshake` says which'],
      recovery: '`version --checksum`; [the image](../operations.md#the-image).',
    },
    {
      cause: 'The temporary directory cannot be written, or its path is too long for a socket.',
      impact: 'As before.',
      logs: ['plugin init error'],
      recovery: 'Mount one, or set `TMPDIR`.',
    },
    {
      cause: 'The plugin process ends: killed, out of memory, a defect.',
      impact:
        'Calls in flight fail. Under CMK its process ends after three failed health checks and starts anew; under our host the plugin does, at once.',
      logs: ['uncaughtException', 'unhandledRejection'],
      signs: ['nothing when killed'],
      recovery: `${BY_ITSELF} Its token lives until its lease ends; its socket is removed by the next start (\`removed sockets that earlier plugins left behind\`). Report a defect with its line.`,
    },
    {
      cause: 'A defect in one call.',
      impact: 'That call fails.',
      classes: ['internal'],
      recovery: 'Report it with the reference that answer and log line share.',
    },
    {
      cause: 'The plugin is asked to end while calls come.',
      impact: 'Those calls fail.',
      classes: ['stopping'],
      recovery: `${BY_ITSELF} Callers go to its successor.`,
    },
    {
      cause: 'More calls at once than `limits` allow.',
      impact: 'The calls in excess fail at once and are told when to come again.',
      classes: ['overloaded'],
      recovery: 'By itself; if it stays, raise `limits.maxConcurrentCalls` or send less.',
    },
  ],
  'Access data': [
    {
      cause: 'A tenant names an address that is not allowed, or its data lack a field.',
      impact: 'No key of that tenant can be registered or used. Others are not touched.',
      classes: ['invalid-access-data', 'address-not-allowed'],
      recovery: 'The tenant corrects them; the operator adds the address to `openbao.allowedAddresses`.',
    },
  ],
  'OpenBao and the way to it': [
    {
      cause: 'A change of leader, or one node of several is lost.',
      impact: 'Calls go to another node; those that need the active one wait for it within their time.',
      classes: ['no-active-node'],
      recovery: `${BY_ITSELF} If it stays, the cluster has no quorum.`,
    },
    {
      cause: 'No node can be reached, or they hang.',
      impact: KEPT,
      classes: ['unreachable', 'deadline-exceeded'],
      recovery: 'By itself at the next call after they are back.',
    },
    {
      cause: 'OpenBao is sealed.',
      impact: KEPT,
      classes: ['sealed'],
      recovery: 'Unseal it; no login is needed after that.',
    },
    {
      cause: 'The server certificate expired, is for another name, or of another authority.',
      impact: `${KEPT} Nothing is sent.`,
      classes: ['tls-failure'],
      recovery: '[Certificates and authorities](../operations.md#certificates-and-authorities).',
    },
    {
      cause: 'A proxy or gateway answers in place of OpenBao.',
      impact: KEPT,
      classes: ['not-an-openbao-answer'],
      recovery: 'Mend the way, or name the address of OpenBao itself. It is never taken for a refusal.',
    },
    {
      cause: 'OpenBao fails inside: no space for its audit log, storage, a Kubernetes API or JWKS server that it asks.',
      impact: 'Calls fail, or logins alone: then tokens at hand serve to their end.',
      classes: ['server-error'],
      recovery: 'The log of OpenBao, under the request id of the log line.',
    },
    {
      cause: 'A rate limit quota of OpenBao.',
      impact: 'The calls in excess fail and are told when to come again.',
      classes: ['rate-limited'],
      recovery: 'By itself; if it stays, raise the quota.',
    },
    {
      cause: 'An OpenBao that answers otherwise than the supported releases.',
      impact: 'The call fails.',
      classes: ['malformed-answer'],
      recovery: '`doctor` holds the release against the supported range.',
    },
  ],
  Identity: [
    {
      cause: 'The token was revoked, or OpenBao was restored from a snapshot.',
      impact: 'None: one login, no failed call.',
      logs: ['token is no longer known to OpenBao, logging in anew'],
      recovery: BY_ITSELF,
    },
    {
      cause: 'Renewal and login in its place fail.',
      impact: 'None while the token lives.',
      logs: ['the token could not be renewed or replaced'],
      signs: ['the class of the failure'],
      recovery: 'That of the class, before the token ends.',
    },
    {
      cause: 'The secret id, certificate or service account token is wrong, used up or expired, or the role is gone.',
      impact:
        'Tokens at hand serve to their end, `token_max_ttl` at most. Then all calls of the identity are refused, and CMK takes its keys for withdrawn.',
      classes: ['login-refused'],
      recovery:
        'A new credential in its file; the next call takes it. [The secret id](../operations.md#the-secret-id).',
    },
    {
      cause: 'Five wrong logins, of anybody, locked the AppRole; or `auth.mount` does not exist.',
      impact: 'As before, but told as unavailable.',
      classes: ['login-locked-out'],
      recovery: 'Unlock it, or 15 minutes; find who sends the wrong secret ids. Tried again every five minutes.',
    },
    {
      cause: 'A file of the credential is missing, empty, a directory, or does not go with another.',
      impact: 'The token at hand serves to its end; no login until it is right.',
      classes: ['credential-unreadable'],
      recovery: 'Put the file in place.',
    },
    {
      cause: 'Everybody on the machine may read a secret.',
      impact: 'None yet.',
      logs: ['everybody on this machine may read the file of a secret: set its mode to 0600'],
      recovery: 'Set its mode; replace the secret.',
    },
    {
      cause: 'A wrapping token was used by somebody else, or has expired.',
      impact: 'No login.',
      classes: ['secret-unwrap-failed'],
      recovery:
        '**Take it for an interception until shown otherwise:** destroy the secret id, look into OpenBao’s audit log, deliver a new one.',
    },
    {
      cause: 'A policy lost a right.',
      impact: 'The calls that need it are refused, and CMK takes the keys for withdrawn.',
      classes: ['permission-denied'],
      recovery: '`policy` prints what is needed. Noticed within five minutes.',
    },
  ],
  Keys: [
    {
      cause: 'The customer pulled the kill switch.',
      impact: 'The key cannot be used.',
      classes: ['key-disabled'],
      signs: ['CMK DISABLED'],
      recovery: 'Its owner’s: [kill switch](../operations.md#kill-switch).',
    },
    {
      cause: 'The customer sealed or locked the namespace.',
      impact: 'No key in it can be used. CMK tells no region.',
      classes: ['namespace-sealed'],
      recovery: 'Its owner’s.',
    },
    {
      cause: 'The key was deleted, or a snapshot from before its making was restored.',
      impact:
        'Everything below it is lost, but for what consumers still hold. Said only by the word of the active node.',
      classes: ['key-not-found'],
      recovery: 'A snapshot that has it.',
    },
    {
      cause: 'A version was retired too early.',
      impact: 'Ciphertexts of that version cannot be decrypted.',
      classes: ['key-version-retired'],
      recovery:
        'Lower `min_decryption_version` ([rotation](../operations.md#rotation-of-the-key)); after a trim only a snapshot helps.',
    },
    {
      cause: 'The key was restored from before a rotation; or for a moment, a standby lags.',
      impact: 'Ciphertexts of the lost version cannot be decrypted.',
      classes: ['key-version-unknown'],
      recovery: '[Backup and restore](../operations.md#backup-and-restore). Do not rotate.',
    },
    {
      cause: 'A ciphertext was changed, is of another key, or came with other associated data.',
      impact: 'That one cannot be decrypted.',
      classes: ['integrity-failure', 'invalid-ciphertext'],
      recovery: 'The ciphertext as it was answered. Many at once: a key that was made anew under an old name.',
    },
    {
      cause: 'The mount or the namespace is gone, or misspelt.',
      impact: 'No key in it can be used.',
      classes: ['mount-not-found', 'namespace-not-found'],
      recovery: 'Bring it back, or correct access data or configuration.',
    },
    {
      cause: 'The key is of a type that CMK cannot take.',
      impact: 'It cannot be registered.',
      classes: ['key-unusable'],
      recovery: 'A key of type `aes256-gcm96` that is not derived.',
    },
  ],
  'Keys and keystores that CMK makes': [
    {
      cause: 'The material was wrapped wrongly, or under parameters that are no longer good.',
      impact: 'The import fails; the key goes on waiting.',
      classes: ['key-material-rejected', 'import-parameters-rejected'],
      recovery: 'Its tenant fetches parameters anew and wraps again.',
    },
    {
      cause: 'An import was left behind, or another one runs.',
      impact: 'Imports of other material wait, five and a half minutes at most.',
      classes: ['import-under-way'],
      recovery: BY_ITSELF,
    },
    {
      cause: 'Others change a key while the plugin does, or a change had no clear outcome.',
      impact: 'The state that CMK shows may not be that of the key.',
      classes: ['key-state-diverged'],
      logs: ['a change of a key could not be repaired', 'a key may be deleted now and was not'],
      recovery:
        'Repeat the call; let nobody else change it. [By hand](../operations.md#keys-that-wait-for-their-material).',
    },
    {
      cause: 'CreateKeystore was cut off, or its answer was lost.',
      impact: 'A keystore that nobody knows; the pool takes another.',
      logs: ['a part of a keystore that could not be made is left over'],
      signs: ['its field `left_over`'],
      recovery: '[Keystores that nobody knows](../operations.md#keystores-that-nobody-knows).',
    },
    {
      cause: 'A keystore is to be deleted that has keys, or is gone already.',
      impact: 'Nothing is deleted.',
      classes: ['keystore-not-empty', 'keystore-not-found'],
      recovery: 'Destroy its keys first, soft-deleted ones too.',
    },
    {
      cause: 'RemoveTrust meets more than 10 000 tokens.',
      impact: 'Tokens that were not reached live on without rights.',
      logs: ['too many tokens to find all those of a role that was removed'],
      recovery: '[RemoveTrust](../operations.md#removetrust).',
    },
  ],
} as const satisfies Readonly<Record<string, readonly Failure[]>>;

export type FailureGroup = keyof typeof FAILURES;
