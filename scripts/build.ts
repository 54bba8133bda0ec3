// Makes dist/keystoreop-openbao and dist/keystoreop-openbao.cjs, unless they are up to date.
import { buildProduct } from './build/product.ts';
import { report, reportFailure } from './report.ts';

try {
  if (!(await buildProduct(report))) report('dist/keystoreop-openbao is up to date.');
} catch (error) {
  reportFailure(error);
}
