// Makes dist/keystoreop-openbao, dist/keystoreop-openbao.cjs, dist/plugin-host and dist/npm/plugin-host, unless they are up
// to date.
import { buildPluginHost } from './build/plugin-host.ts';
import { buildProduct } from './build/product.ts';
import { report, reportFailure } from './report.ts';

try {
  if (!(await buildProduct(report))) report('dist/keystoreop-openbao is up to date.');
  if (!(await buildPluginHost(report))) report('dist/plugin-host is up to date.');
} catch (error) {
  reportFailure(error);
}
