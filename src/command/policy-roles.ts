/** Roles whose policies can be printed. */
export const POLICY_ROLES = ['hyok-management', 'byok-management', 'crypto', 'provider'] as const;
