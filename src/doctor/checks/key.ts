import { keyTypeRow } from '../../keystore/key-types.ts';
import { isNothingHere, toKeystoreError } from '../../openbao/errors.ts';
import { type Check, failed, type Finding, ok, skipped, warning } from '../check.ts';
import { describeError } from '../describe-error.ts';
import { counted, lengthOfTime } from '../wording.ts';

/** OpenBao keeps all old versions of a key in one entry of its storage. */
const MANY_VERSIONS = 1000;

export const KEY_CHECKS: readonly Check[] = [
  {
    ...keyRow('key.readable', 'the key may be read', ['transit.type']),
    cause: 'No policy of the token allows reading the key; without that CMK sees no key.',
    fix: 'Add the line to the policy.',
    policy: [{ path: '<m>/keys/<k>', capabilities: ['read'] }],
    async examine(examination, key) {
      const answer = await examination.key(key);
      return answer.status === 403 ? failed(describeError(toKeystoreError(answer))) : ok('it may');
    },
  },
  {
    ...keyRow('key.exists', 'the key exists', ['key.readable']),
    cause: 'The key id is misspelt, the key is in another mount or namespace, or it was deleted.',
    fix: 'Correct the key id (bao list <m>/keys), or make the key: bao write -f <m>/keys/<k> type=aes256-gcm96.',
    async examine(examination, key) {
      const answer = await examination.key(key);
      if (isNothingHere(answer)) return failed('there is no key <k> in <m>');
      return answer.status === 200 ? ok('it does') : failed(describeError(toKeystoreError(answer)));
    },
  },
  {
    ...keyRow('key.type', 'the key is of a type that CMK takes', ['key.exists']),
    cause: 'CMK registers AES256 keys only, in Transit’s words aes256-gcm96.',
    fix: 'Make a key of type aes256-gcm96 under another name: the type of a key cannot be changed.',
    examine: onKey(({ type }) => {
      const row = keyTypeRow(String(type));
      return row?.managed === true ? ok(row.type) : failed(`it is of type ${String(type)}`);
    }),
  },
  {
    ...keyRow('key.derived', 'the key is not a derived key', ['key.exists']),
    cause: 'A derived key needs a context with every call, which the plugin’s contract does not have.',
    fix: 'Make a key with derived=false under another name: this cannot be changed.',
    examine: onKey(({ derived }) => (derived === false ? ok('it is not') : failed('it is'))),
  },
  {
    ...keyRow('key.enabled', 'the key is enabled', ['key.exists']),
    cause: 'Its owner has soft-deleted it, which refuses all use until it is restored.',
    fix: 'If its owner agrees: bao write -f <m>/keys/<k>/soft-delete-restore.',
    examine: onKey(({ soft_deleted: deleted }) => (deleted === true ? failed('it is soft-deleted') : ok('it is'))),
  },
  {
    ...keyRow('key.exportable', 'the key cannot be exported', ['key.exists']),
    cause: 'The key was made or set exportable: whoever may export it takes it out of OpenBao.',
    fix: 'Make a key without exportable under another name and move to it: this cannot be taken back.',
    examine: onKey(({ exportable }) => (exportable === false ? ok('it cannot') : failed('it is exportable'))),
  },
  {
    ...keyRow('key.plaintext-backup', 'the key cannot be backed up in the clear', ['key.exists']),
    cause: 'The key allows plaintext backups, which hold all of its versions.',
    fix: 'Make a key without allow_plaintext_backup under another name and move to it: this cannot be taken back.',
    examine: onKey(({ allow_plaintext_backup: backup }) =>
      backup === false ? ok('it cannot') : failed('allow_plaintext_backup is set'),
    ),
  },
  {
    ...keyRow('key.deletion', 'the key cannot be deleted by mistake', ['key.exists']),
    cause: 'deletion_allowed is set, so one request destroys the key and with it all that it has encrypted.',
    fix: 'bao write <m>/keys/<k>/config deletion_allowed=false',
    examine: onKey(({ deletion_allowed: allowed }) =>
      allowed === true ? warning('deletion_allowed is set') : ok('it cannot'),
    ),
  },
  {
    ...keyRow('key.versions', 'all versions of the key can be used', ['key.exists']),
    cause: 'Older versions were retired, or encryption is held at another version than the newest one.',
    fix: 'Rewrap what was encrypted with a retired version before; set it back with bao write <m>/keys/<k>/config min_decryption_version=1 min_encryption_version=0.',
    examine: onKey(judgeVersions),
  },
  {
    ...keyRow('key.auto-rotation', 'nobody else rotates the key', ['key.exists']),
    cause: 'OpenBao rotates the key by itself: a second writer, which must not overlap with another one.',
    fix: 'Rotate from one place only; to end this: bao write <m>/keys/<k>/config auto_rotate_period=0.',
    examine: onKey(({ auto_rotate_period: seconds }) => {
      if (typeof seconds !== 'number' || seconds === 0) return ok('OpenBao does not');
      return warning(`OpenBao does, every ${lengthOfTime(seconds * 1000)}`);
    }),
  },
];

function keyRow(
  id: `key.${string}`,
  title: string,
  needs: Check['needs'],
): Pick<Check, 'id' | 'title' | 'needs' | 'perKey'> {
  return { id, title, needs, perKey: true };
}

function onKey(judge: (data: Readonly<Record<string, unknown>>) => Finding): Check['examine'] {
  return async (examination, key) => judge(await examination.keyData(key));
}

function judgeVersions(data: Readonly<Record<string, unknown>>): Finding {
  const { latest_version: latest, min_decryption_version: oldest, min_encryption_version: pinned } = data;
  if (typeof latest !== 'number' || typeof oldest !== 'number') return skipped('OpenBao does not tell');
  const texts = [
    ...(oldest > 1 ? [`versions before ${oldest} are retired`] : []),
    ...(typeof pinned === 'number' && pinned > 0 ? [`encryption starts at version ${pinned}`] : []),
    ...(latest > MANY_VERSIONS ? ['there are so many that storing them may fail: trim them'] : []),
  ];
  const all = counted(latest, 'version');
  return texts.length === 0 ? ok(all) : warning(`${all}; ${texts.join('; ')}`);
}
