import { z } from 'zod';

import { isKeyId } from '../../keystore-contract/key-id.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { processLogin } from '../config/process-login.ts';
import { commentedRules } from '../openbao/policies/commented-policy.ts';
import {
  POLICY_LINES,
  type PolicyLine,
  type PolicyRole,
  ROLE_PURPOSES,
  TOKEN_LINES,
} from '../openbao/policies/least-policies.ts';
import { OPERATOR_PURPOSE, providerLines } from '../openbao/policies/operator-policies.ts';
import { CommandError } from './command-error.ts';
import { defineCommand } from './command.ts';
import { requireConfiguration } from './configuration-file.ts';
import { EXIT } from './exit-codes.ts';
import { wrap } from './layout.ts';
import { POLICY_ROLES } from './policy-roles.ts';

type Role = (typeof POLICY_ROLES)[number];

/** A policy is a file: its lines are as wide whoever reads them. */
const COLUMNS = 80;

const ANY_KEY = '+';

const result = z.strictObject({
  roles: z.array(z.enum(POLICY_ROLES)),
  namespace: z.string().describe('Where the policy belongs; empty is the root.'),
  identity: z.string().describe('What logs in with it.'),
  rules: z.array(
    z.strictObject({
      path: z.string(),
      capabilities: z.array(z.string()),
      reasons: z.array(z.string()).describe('What each capability is for, in the same order.'),
    }),
  ),
  notes: z.array(z.string()).describe('What else there is to know.'),
  hcl: z.string().describe('The whole policy, with comments.'),
});

export const command = defineCommand({
  result,
  text: ({ hcl }) => hcl,
  async run(input, { print }) {
    const roles = [...new Set(input.arguments('ROLE') as readonly Role[])];
    const { configuration } = await requireConfiguration(input.required('config'), typeFor(roles));
    const key = keyOf(roles, input.option('key'));
    const { lines, notes } = linesOf(roles, configuration, key);
    const { namespace, transitMount } = configuration.openbao;
    const { stateMount } = configuration.keys;
    const rules = commentedRules([...lines, ...TOKEN_LINES], {
      m: transitMount,
      ...(key !== undefined && { k: key }),
      ...(stateMount !== undefined && { s: stateMount }),
    });
    const identity = identityOf(configuration);
    const head = headOf({ roles, namespace, identity, notes });
    const body = rules.map(({ hcl, reasons }) => `${reasons.map(comment).join('')}${hcl}`);
    print({
      roles,
      namespace,
      identity,
      notes: [...notes],
      rules: rules.map(({ hcl: _, ...rule }) => ({
        path: rule.path,
        capabilities: [...rule.capabilities],
        reasons: [...rule.reasons],
      })),
      hcl: [head, ...body].join('\n'),
    });
    return EXIT.ok;
  },
});

/** The operator's configuration is one for another plugin type. */
function typeFor(roles: readonly Role[]): string | undefined {
  return roles.includes('provider') ? 'KeystoreProvider' : undefined;
}

function keyOf(roles: readonly Role[], key: string | undefined): string | undefined {
  if (key !== undefined && key !== ANY_KEY && !isKeyId(key)) {
    throw new CommandError(EXIT.usage, '--key must be the name of a Transit key, or + for any');
  }
  const needing = roles.find((role) => role === 'hyok-management' || role === 'crypto');
  if (key === undefined && needing !== undefined) {
    throw new CommandError(
      EXIT.usage,
      `--key is missing: ${needing} is for one key`,
      '--key + is any key of the mount',
    );
  }
  return key;
}

interface Lines {
  readonly lines: readonly PolicyLine[];
  readonly notes: readonly string[];
}

function linesOf(roles: readonly Role[], configuration: PluginConfiguration, key: string | undefined): Lines {
  const parts = roles.map((role) => LINES_OF[role](configuration, key));
  return { lines: parts.flatMap(({ lines }) => lines), notes: parts.flatMap(({ notes }) => notes) };
}

const LINES_OF: Readonly<Record<Role, (configuration: PluginConfiguration, key: string | undefined) => Lines>> = {
  'hyok-management': () => ({ lines: POLICY_LINES['hyok-management'], notes: [] }),
  'byok-management': ({ keys }, key = ANY_KEY) => {
    const lines = POLICY_LINES['byok-management'].map((line) => ({
      ...line,
      path: line.path.replace('/+', `/${key}`),
    }));
    if (keys.stateMount !== undefined) return { lines, notes: [] };
    const note =
      'keys.stateMount is not configured, so the rights on the state of keys are left out. Calls that name a mount of their own need them there.';
    return { lines: lines.filter(({ path }) => !path.startsWith('<s>/')), notes: [note] };
  },
  crypto: ({ crypto: { testKey } }, key) => {
    const lines = POLICY_LINES.crypto;
    if (testKey === undefined || testKey === key || key === ANY_KEY) return { lines, notes: [] };
    const deep = lines.filter(({ operations }) => operations.includes('CheckHealth (deep)'));
    const own = deep.map((line) => ({
      ...line,
      path: line.path.replace('<k>', testKey),
      operations: ['CheckHealth (deep)'],
    }));
    return { lines: [...lines, ...own], notes: [] };
  },
  provider: ({ provider }) => {
    if (provider === undefined) throw new CommandError(EXIT.configuration, 'the configuration has no provider block');
    return { lines: providerLines(provider.isolation, provider), notes: [] };
  },
};

function identityOf({ auth }: PluginConfiguration): string {
  if (auth.method === 'callCertificate') return `the certificates of calls, by roles of auth/${auth.mount}`;
  const { mount, role } = processLogin(auth);
  if (mount === undefined) return 'the token of the configuration';
  return `the plugin, by ${role === undefined ? 'its role' : `the role ${role}`} of auth/${mount}`;
}

function headOf(head: {
  readonly roles: readonly Role[];
  readonly namespace: string;
  readonly identity: string;
  readonly notes: readonly string[];
}): string {
  const { identity, namespace, notes, roles } = head;
  const purposes = roles.map((role) => comment(`${role}: ${purposeOf(role)}`));
  const where = namespace === '' ? 'the root namespace' : `the namespace ${namespace}`;
  const option = namespace === '' ? '' : ` -namespace=${namespace}`;
  return [
    ...purposes,
    `${comment(`For ${identity}, in ${where}:`)}#   bao policy write${option} NAME FILE\n`,
    comment(
      'A comment tells what fails without the right below it. The last three are part of OpenBao’s policy `default`.',
    ),
    ...notes.map((note) => comment(`Note: ${note}`)),
  ].join('#\n');
}

function purposeOf(role: Role): string {
  return role === 'provider' ? OPERATOR_PURPOSE : ROLE_PURPOSES[role satisfies PolicyRole];
}

function comment(text: string): string {
  return wrap(text, COLUMNS - 2)
    .map((line) => `# ${line}\n`)
    .join('');
}
