import type { Check } from './check.ts';
import { CONFIGURATION_CHECKS } from './checks/configuration.ts';
import { END_CHECKS } from './checks/end.ts';
import { EXCESS_CHECKS } from './checks/excess.ts';
import { FILES_CHECKS } from './checks/files.ts';
import { KEY_CHECKS } from './checks/key.ts';
import { LOGIN_CHECKS } from './checks/login.ts';
import { NETWORK_CHECKS } from './checks/network.ts';
import { RIGHTS_CHECKS } from './checks/rights.ts';
import { SERVER_CHECKS } from './checks/server.ts';
import { TLS_CHECKS } from './checks/tls.ts';
import { TOKEN_CHECKS } from './checks/token.ts';
import { TRANSIT_CHECKS } from './checks/transit.ts';
import { USE_CHECKS } from './checks/use.ts';

/** All checks, in the order in which they are made: what a check needs stands before it. */
export const CHECKS: readonly Check[] = [
  ...CONFIGURATION_CHECKS,
  ...FILES_CHECKS,
  ...NETWORK_CHECKS,
  ...TLS_CHECKS,
  ...SERVER_CHECKS,
  ...LOGIN_CHECKS,
  ...TOKEN_CHECKS,
  ...TRANSIT_CHECKS,
  ...KEY_CHECKS,
  ...RIGHTS_CHECKS,
  ...EXCESS_CHECKS,
  ...USE_CHECKS,
  ...END_CHECKS,
];
