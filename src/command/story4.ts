// The configuration of use case 007, Story 4: other names for the same things.
import { stringify } from 'yaml';
import { z } from 'zod';

import { formatPath } from '../config/configuration-error.ts';
import { isPlainObject } from '../config/plain-data.ts';

const settings = z.strictObject({
  vault_address: z.string(),
  auth_method: z.literal('approle', 'only approle can be translated').default('approle'),
  role_id: z.string(),
  secret_id_path: z.string(),
  mount_path: z.string().optional(),
  key_name: z.string().optional(),
});

const document = z.strictObject({
  plugin_type: z.literal('openbao', 'must be openbao').default('openbao'),
  plugin_name: z.string().optional(),
  configuration: settings,
});

/** A document of the story in our words, or all that keeps it from being put so. */
export type Translation =
  | { readonly yaml: string; readonly keyId: string | undefined }
  | { readonly problems: readonly { readonly path: string; readonly message: string }[] };

/** Whether a document is meant to be one of the story. */
export function isStory4(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const inner = isPlainObject(value.configuration) ? value.configuration : value;
  return Object.hasOwn(value, 'plugin_type') || Object.keys(settings.shape).some((name) => Object.hasOwn(inner, name));
}

/** The configuration itself may stand without what is around it. */
export function translateStory4(value: unknown): Translation {
  const whole = isPlainObject(value) && Object.hasOwn(value, 'configuration') ? value : { configuration: value };
  const result = document.safeParse(whole, { reportInput: true });
  if (!result.success) {
    const own = whole === value ? 0 : 1;
    return { problems: result.error.issues.flatMap((issue) => toProblems(issue, issue.path.slice(own))) };
  }
  const { key_name, mount_path, role_id, secret_id_path, vault_address } = result.data.configuration;
  const yaml = stringify({
    openbao: { addresses: [vault_address], ...(mount_path !== undefined && { transitMount: mount_path }) },
    auth: {
      method: 'approle',
      roleId: role_id,
      secretId: { source: 'file', file: { path: secret_id_path } },
    },
  });
  return { yaml, keyId: key_name };
}

function toProblems(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): { path: string; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: formatPath([...path, key]), message: 'has no counterpart here' }));
  }
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined;
  return [{ path: formatPath(path), message: isMissing ? 'is missing' : issue.message }];
}
