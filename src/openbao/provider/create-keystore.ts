import { answerData } from '../answer.ts';
import { malformedAnswer } from '../errors.ts';
import { authMethodPath, enginePath, keySettingsPath, namespacePath, wrappingKeyPath } from '../paths.ts';
import { firstRoles } from './names.ts';
import type { Operator } from './operator.ts';
import type { KeystorePlace, ProviderConfiguration } from './place.ts';
import type { Step } from './steps.ts';
import { removeTrustPolicy, removeTrustRole, writeTrustPolicy, writeTrustRole } from './trust.ts';

/** What makes up a keystore besides its place. */
export interface KeystoreParts {
  readonly isolation: ProviderConfiguration['isolation'];
  readonly tokens: Pick<ProviderConfiguration, 'tokenTtl' | 'tokenMaxTtl'>;
  readonly authoritiesPem: string;
  readonly createdAt: Date;
}

const MADE_BY = 'keystoreop-openbao';

/** The making of a keystore, part by part; whoever may come is let in last. */
export function keystoreSteps(place: KeystorePlace, parts: KeystoreParts): readonly Step<Operator>[] {
  const { below, stateMount, transitMount } = place;
  const description = `OpenKCM keystore, made by ${MADE_BY} at ${parts.createdAt.toISOString()}`;
  const engines: readonly Step<Operator>[] = [
    mount(place, 'Transit mount', transitMount, {
      type: 'transit',
      description,
      // OpenBao's cache of keys can run ahead of its storage; what such a key encrypts is lost with the next leader.
      config: { force_no_cache: true },
    }),
    {
      what: 'Transit settings',
      make: (operator) => refuseUpserts(operator, `${below}${keySettingsPath(transitMount)}`),
    },
    // The first question makes the key, which takes OpenBao up to a second: better now than at the first import.
    { what: 'wrapping key', make: (operator) => operator.read(`${below}${wrappingKeyPath(transitMount)}`) },
    mount(place, 'state mount', stateMount, { type: 'kv', description, options: { version: '2' } }),
  ];
  const { keyManagement, roleManagement } = firstRoles(place.name);
  const roles = [
    ...trustSteps(place, 'ROLES', roleManagement, parts),
    ...trustSteps(place, 'MANAGEMENT', keyManagement, parts),
  ];
  if (parts.isolation === 'mount') return [...engines, ...roles];
  // The namespace takes all of it along when it goes.
  const inside = [...engines, authMethod(place, description), ...roles].map(({ make, what }) => ({ make, what }));
  return [namespace(place, parts.createdAt), ...inside];
}

function namespace({ name }: KeystorePlace, createdAt: Date): Step<Operator> {
  const path = namespacePath(name);
  const metadata = { 'managed-by': MADE_BY, 'created-at': createdAt.toISOString() };
  return {
    what: 'namespace',
    make: (operator) => operator.write(path, { custom_metadata: metadata }),
    unmake: (operator) => operator.remove(path),
  };
}

function mount({ below }: KeystorePlace, what: string, name: string, body: object): Step<Operator> {
  const path = `${below}${enginePath(name)}`;
  return { what, make: (operator) => operator.enable(path, body), unmake: (operator) => operator.remove(path) };
}

function authMethod({ authMount, below }: KeystorePlace, description: string): Step<Operator> {
  const path = `${below}${authMethodPath(authMount)}`;
  return { what: 'auth method', make: (operator) => operator.enable(path, { type: 'cert', description }) };
}

// The first barrier against a key that a mistyped name would make is the policy; this is the second.
async function refuseUpserts(operator: Operator, path: string): Promise<void> {
  const answer = await operator.write(path, { disable_upsert: true });
  if (answerData(answer)?.disable_upsert !== true) throw malformedAnswer();
}

function trustSteps(
  place: KeystorePlace,
  kind: 'ROLES' | 'MANAGEMENT',
  role: string,
  parts: KeystoreParts,
): readonly Step<Operator>[] {
  const { authoritiesPem, tokens } = parts;
  const content = { kind, role, subject: { commonName: role, organizationalUnits: [] }, authoritiesPem, tokens };
  return [
    {
      what: `policy ${role}`,
      make: (operator) => writeTrustPolicy(operator, place, content),
      unmake: (operator) => removeTrustPolicy(operator, place, role),
    },
    {
      what: `role ${role}`,
      make: (operator) => writeTrustRole(operator, place, content),
      unmake: (operator) => removeTrustRole(operator, place, role),
    },
  ];
}
