import type { PolicyRule } from '../openbao/provider/policy.ts';
import type { Examination } from './examination.ts';

/** What came of a check. `warning` is for what works today and is not as it should be. */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'skipped';

/** The named tests of OpenKCM's use case 007, Story 4. */
export const STORY_TESTS = [
  'test_approle_login',
  'test_transit_operations',
  'verify_access_controls',
  'test_token_lifecycle',
] as const;

export type StoryTest = (typeof STORY_TESTS)[number];

/** A group of checks. */
export interface GroupRow {
  readonly title: string;
  /** The test of Story 4 to which its checks belong. */
  readonly story?: StoryTest;
}

/** The groups of checks, in the order in which they are made. */
export const GROUPS = {
  config: { title: 'Configuration' },
  files: { title: 'Files of the configuration' },
  network: { title: 'Network' },
  tls: { title: 'TLS' },
  server: { title: 'OpenBao' },
  login: { title: 'Login', story: 'test_approle_login' },
  token: { title: 'Token', story: 'test_token_lifecycle' },
  transit: { title: 'Transit engine', story: 'test_transit_operations' },
  key: { title: 'Key', story: 'test_transit_operations' },
  rights: { title: 'Rights that are needed', story: 'verify_access_controls' },
  excess: { title: 'Rights that nobody needs', story: 'verify_access_controls' },
  use: { title: 'Use of the key', story: 'test_transit_operations' },
  end: { title: 'End', story: 'test_token_lifecycle' },
} as const satisfies Readonly<Record<string, GroupRow>>;

export type Group = keyof typeof GROUPS;

/** Group and name; stable once released: scripts select and compare by it. */
export type CheckId = `${Group}.${string}`;

/** What a check found: one sentence of what was seen, with names and numbers and never a secret. */
export interface Finding {
  readonly status: CheckStatus;
  readonly text: string;
  /** Rights that would mend it, where what is missing shows only now; in place of those of the check's row. */
  readonly policy?: readonly PolicyRule[];
  /** What to do, where what was seen tells it better than the check's row. */
  readonly fix?: string;
  /** Whether nothing that needs the check can be looked at; so after every failure. */
  readonly blocks?: boolean;
}

/**
 * One check. Texts and policies may hold placeholders: `<m>` the Transit mount, `<k>` the key, `<a>` the auth mount, `<r>`
 * the role of the login, `<l>` the path of that role, `<s>` the state mount.
 */
export interface Check {
  readonly id: CheckId;
  /** What is so when all is well, as half a sentence. */
  readonly title: string;
  /** Without these there is nothing to look at: when one of them failed or was left out this check is skipped. */
  readonly needs: readonly CheckId[];
  /** Why it fails as a rule. */
  readonly cause: string;
  /** What to do then. */
  readonly fix: string;
  /** The rights that would mend it. */
  readonly policy?: readonly PolicyRule[];
  /** Whether it makes sense before the key and its policy are there; false by default. */
  readonly pre?: boolean;
  /** Whether it is made for each key. */
  readonly perKey?: boolean;
  /** Whether its failure means that OpenBao refused or cannot be reached. */
  readonly backend?: boolean;
  /** Made once, or once for each key. What it throws as a `KeystoreError` is a failure of the check. */
  readonly examine: (examination: Examination, key: string) => Promise<Finding> | Finding;
}

export function ok(text: string): Finding {
  return { status: 'ok', text };
}

export function warning(text: string, policy?: readonly PolicyRule[]): Finding {
  return { status: 'warning', text, ...(policy && { policy }) };
}

export function failed(text: string, policy?: readonly PolicyRule[]): Finding {
  return { status: 'failed', text, ...(policy && { policy }) };
}

export function skipped(text: string, policy?: readonly PolicyRule[]): Finding {
  return { status: 'skipped', text, ...(policy && { policy }) };
}

/** There was nothing to look at, and so nothing for what needs the check, either. */
export function blocked(text: string): Finding {
  return { status: 'skipped', text, blocks: true };
}

/** The group of a check. */
export function groupOf(id: CheckId): Group {
  return id.slice(0, id.indexOf('.')) as Group;
}
