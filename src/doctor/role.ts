import type { PolicyRole } from '../openbao/policies/least-policies.ts';

/** What an identity is for: what the policies are for, or making keystores. */
export type DoctorRole = PolicyRole | 'provider';
