import type { RoleKind } from './names.ts';
import type { ProviderConfiguration } from './place.ts';
import type { SubjectRule } from './subject.ts';

/** What a role says. */
export interface RoleContent {
  readonly kind: RoleKind;
  /** Its policy has the same name. */
  readonly role: string;
  readonly subject: SubjectRule;
  readonly authoritiesPem: string;
  readonly tokens: Pick<ProviderConfiguration, 'tokenTtl' | 'tokenMaxTtl'>;
}

// A token of the role management lives for one proof.
const PROOF_TTL = '60s';

/** The body of a role of OpenBao's certificate method. All of its rules must hold, so each has exactly what is meant. */
export function certificateRole({ authoritiesPem, kind, role, subject, tokens }: RoleContent): object {
  const { tokenTtl, tokenMaxTtl } = kind === 'ROLES' ? { tokenTtl: PROOF_TTL, tokenMaxTtl: PROOF_TTL } : tokens;
  return {
    certificate: authoritiesPem,
    allowed_common_names: [subject.commonName],
    allowed_organizational_units: subject.organizationalUnits,
    display_name: role,
    token_policies: [role],
    token_no_default_policy: true,
    token_ttl: tokenTtl,
    token_max_ttl: tokenMaxTtl,
  };
}
