import type { Check } from './check.ts';
import { CONFIGURATION_CHECKS } from './checks/configuration.ts';
import { FILES_CHECKS } from './checks/files.ts';
import { NETWORK_CHECKS } from './checks/network.ts';
import { SERVER_CHECKS } from './checks/server.ts';
import { TLS_CHECKS } from './checks/tls.ts';

/** All checks, in the order in which they are made: what a check needs stands before it. */
export const CHECKS: readonly Check[] = [
  ...CONFIGURATION_CHECKS,
  ...FILES_CHECKS,
  ...NETWORK_CHECKS,
  ...TLS_CHECKS,
  ...SERVER_CHECKS,
];
