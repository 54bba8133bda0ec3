import { failed, type Finding, ok, warning } from './check.ts';
import { agoOrAhead, lengthOfTime } from './wording.ts';

/** How much time must be left to renew a certificate calmly: this, or a tenth of a shorter life. */
const CALM_MS = 14 * 86_400_000;

/** What is thought of the dates of a certificate. */
export function judgeValidity(
  { notAfter, notBefore, subject }: { readonly subject: string; readonly notBefore: Date; readonly notAfter: Date },
  now: number,
): Finding {
  const [from, to] = [notBefore.getTime(), notAfter.getTime()];
  if (from > now) return failed(`“${subject}” is not valid before ${agoOrAhead(from, now)}`);
  if (to <= now) return failed(`“${subject}” expired ${agoOrAhead(to, now)}`);
  const left = lengthOfTime(to - now);
  return to - now < Math.min(CALM_MS, (to - from) / 10)
    ? warning(`“${subject}” expires in ${left}`)
    : ok(`“${subject}” is valid for ${left}`);
}
