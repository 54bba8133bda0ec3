/** The oldest release with which the plugin is tested, and the first one of which nothing is known. */
export const SUPPORTED = { from: '2.5.5', below: '3.0.0' } as const;

/** Something in OpenBao that an operator of this plugin has to know of. */
export interface KnownDefect {
  /** Releases that have it: from the first to the one that mended it. */
  readonly from: string;
  readonly below: string;
  /** Only with this method of login. */
  readonly method?: string;
  readonly text: string;
}

export const KNOWN_DEFECTS: readonly KnownDefect[] = [
  {
    from: '0.0.0',
    below: '2.7.1',
    method: 'approle',
    text: 'an expired secret id is taken until OpenBao tidies up, about a minute later',
  },
  {
    from: '0.0.0',
    below: '2.6.2',
    text: 'tokens can be made by inline authentication that should not be (GHSA-rh46-vc3j-w2w3)',
  },
  { from: '2.5.0', below: '2.6.1', text: 'a standby tells stale lifetimes of tokens' },
];

/** Compares two releases as numbers: negative when the first is older. Undefined for what is no release. */
export function compareReleases(one: string, other: string): number | undefined {
  const [a, b] = [parts(one), parts(other)];
  if (a === undefined || b === undefined) return undefined;
  return a.map((part, index) => part - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** What is known to be wrong in a release, for a method of login. */
export function defectsOf(release: string, method: string): readonly KnownDefect[] {
  return KNOWN_DEFECTS.filter(
    (defect) =>
      (compareReleases(release, defect.from) ?? -1) >= 0 &&
      (compareReleases(release, defect.below) ?? 0) < 0 &&
      (defect.method === undefined || defect.method === method),
  );
}

// What follows the third number (`+ent`, `-rc1`) says nothing of the order here.
function parts(release: string): readonly number[] | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?![\d.])/.exec(release);
  return match?.slice(1, 4).map(Number);
}
