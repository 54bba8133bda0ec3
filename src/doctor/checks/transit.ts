import { answerData, asObject } from '../../openbao/answer.ts';
import { toKeystoreError } from '../../openbao/errors.ts';
import { keySettingsPath, mountPath, wrappingKeyPath } from '../../openbao/paths.ts';
import { blocked, type Check, failed, ok, skipped, warning } from '../check.ts';
import { describeError } from '../describe-error.ts';
import type { Examination } from '../examination.ts';

export const TRANSIT_CHECKS: readonly Check[] = [
  {
    id: 'transit.mount',
    title: 'the mount is there',
    needs: ['login.accepted'],
    cause:
      'openbao.transitMount is misspelt, the engine is mounted in another namespace, or the policies of the token give no right below it.',
    fix: 'Correct openbao.transitMount (bao secrets list shows the mounts), or give the token the policy of the key.',
    policy: [{ path: '<m>/keys/<k>', capabilities: ['read'] }],
    async examine(examination) {
      if (examination.roles.every((role) => role === 'provider')) return blocked('the role provider uses no mount');
      const answer = await examination.mount();
      if (answer.status === 200) return ok('<m>');
      if (answer.status !== 403) return failed(describeError(toKeystoreError(answer)), []);
      const others = await transitMounts(examination);
      const hint = others.length === 0 ? '' : `; it has rights on the Transit mounts ${others.join(', ')}`;
      return failed(`no mount <m> on which the token has any right${hint}`, others.length === 0 ? undefined : []);
    },
  },
  {
    id: 'transit.type',
    title: 'the mount is a Transit engine',
    needs: ['transit.mount'],
    cause: 'Something else is mounted there: a store of another kind would keep the plaintexts that are sent to it.',
    fix: 'Name the mount of the Transit engine in openbao.transitMount.',
    async examine(examination) {
      const type = (await mountData(examination)).type;
      return type === 'transit' ? ok('transit') : failed(`the mount <m> is of type ${String(type)}`);
    },
  },
  {
    id: 'transit.upsert',
    title: 'an encrypt makes no key',
    needs: ['transit.type'],
    cause: 'The mount lets an encrypt on a missing key make one, so a wrong key id makes a key that nobody knows of.',
    fix: 'bao write <m>/config/keys disable_upsert=true',
    async examine(examination) {
      const { m = '' } = examination.names();
      const path = keySettingsPath(m);
      const answer = await examination.ask({ verb: 'read', path });
      if (answer.status === 403) {
        return skipped('the token may not look', [{ path, capabilities: ['read'] }]);
      }
      const disabled = answerData(answer)?.disable_upsert;
      if (typeof disabled !== 'boolean') return failed(describeError(toKeystoreError(answer)));
      return disabled ? ok('disable_upsert is set') : failed('disable_upsert is not set');
    },
  },
  {
    id: 'transit.write-hazard',
    title: 'a write that fails leaves no trace in memory',
    needs: ['transit.type'],
    cause:
      'When two writes to one key overlap (rotations above all) OpenBao may keep a key version in memory that its storage lacks: what is encrypted with it is lost at the next change of the leader.',
    fix: 'Let one writer at a time change a key and repeat a failed rotation at once; or move to a mount that was made with -force-no-cache, which rules it out and costs 8 to 23 % of throughput.',
    async examine(examination) {
      const noCache = asObject((await mountData(examination)).config)?.force_no_cache;
      return noCache === true ? ok('force_no_cache is set') : warning('force_no_cache is not set');
    },
  },
  {
    id: 'transit.audit',
    title: 'OpenBao’s audit log shows no plaintext',
    needs: ['transit.type'],
    cause: 'The mount is tuned so that its audit log holds values in the clear that hold or lead to plaintexts.',
    fix: 'Take the names out of audit_non_hmac_request_keys and audit_non_hmac_response_keys: bao secrets tune.',
    async examine(examination) {
      const config = asObject((await mountData(examination)).config);
      const clear = [config?.audit_non_hmac_request_keys, config?.audit_non_hmac_response_keys].flatMap(texts);
      const harmful = clear.filter((name) => REVEALING.has(name));
      return harmful.length === 0 ? ok('no such field is in the clear') : failed(`in the clear: ${harmful.join(', ')}`);
    },
  },
  {
    id: 'transit.wrapping-key',
    title: 'the wrapping key can be read',
    needs: ['transit.type'],
    cause: 'Material of a key is wrapped with it before it is imported, and a policy denies reading it.',
    fix: 'Add the line to the policy.',
    policy: [{ path: '<m>/wrapping_key', capabilities: ['read'] }],
    async examine(examination) {
      if (!examination.roles.includes('byok-management')) return skipped('only byok-management needs it');
      const { m = '' } = examination.names();
      const answer = await examination.ask({ verb: 'read', path: wrappingKeyPath(m) });
      const key = answerData(answer)?.public_key;
      return typeof key === 'string' ? ok('it can') : failed(describeError(toKeystoreError(answer)));
    },
  },
  {
    id: 'transit.state-mount',
    title: 'there is a place for the state of keys without material',
    needs: ['login.accepted'],
    cause: 'keys.stateMount is not set or misspelt, or no KV engine of version 2 is mounted there.',
    fix: 'bao secrets enable -path=<s> -version=2 kv',
    policy: [{ path: '<s>/data/+', capabilities: ['create', 'read', 'update'] }],
    async examine(examination) {
      if (!examination.roles.includes('byok-management')) return skipped('only byok-management needs it');
      const { s } = examination.names();
      if (s === undefined) return failed('keys.stateMount is not set', []);
      const data = answerData(await examination.ask({ verb: 'read', path: mountPath(s) }));
      if (data === undefined) return failed('no mount <s> on which the token has any right');
      const version = asObject(data.options)?.version;
      return data.type === 'kv' && version === '2'
        ? ok('<s>')
        : failed('the mount <s> is no KV engine of version 2', []);
    },
  },
];

const REVEALING: ReadonlySet<string> = new Set(['plaintext', 'batch_input', 'batch_results', 'input', 'context']);

async function mountData(examination: Examination): Promise<Readonly<Record<string, unknown>>> {
  return answerData(await examination.mount()) ?? {};
}

/** Names of the Transit mounts on which the token has some right. */
async function transitMounts(examination: Examination): Promise<readonly string[]> {
  const answer = await examination.ask({ verb: 'read', path: 'sys/internal/ui/mounts' });
  const mounts = Object.entries(asObject(answerData(answer)?.secret) ?? {});
  return mounts.flatMap(([name, mount]) => (asObject(mount)?.type === 'transit' ? [name.replace(/\/$/, '')] : []));
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}
