/** What an identity is for: seeing keys, keeping those of a tenant, using them, or making keystores. */
export const DOCTOR_ROLES = ['hyok-management', 'byok-management', 'crypto', 'provider'] as const;

export type DoctorRole = (typeof DOCTOR_ROLES)[number];
