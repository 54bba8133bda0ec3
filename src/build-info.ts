/** What `Configure` answers and CMK shows of a plugin. */
export interface BuildInfo {
  readonly branch: string;
  readonly org: string;
  readonly product: string;
  readonly repo: string;
  readonly sha: string;
  readonly version: string;
  /** RFC 3339. */
  readonly buildTime: string;
}

/** Put here by the build as an object literal; absent when the sources run unbuilt. */
declare const __BUILD_INFO__: BuildInfo | undefined;

export const BUILD_INFO: BuildInfo =
  typeof __BUILD_INFO__ === 'undefined'
    ? { branch: '', org: '', product: 'keystoreop-openbao', repo: '', sha: '', version: 'unbuilt', buildTime: '' }
    : __BUILD_INFO__;
