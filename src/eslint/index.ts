// The lint rules that ship for users: `import lockstep from 'lockstep/eslint'` in an eslint.config.js, with
// typescript-eslint's parser and type information. They say in the editor what the loader and the machine say later.
//
//   export default [...tseslint.configs.recommended, {
//     ...lockstep.configs.recommended,
//     files: ['modules/**/*.ts'],
//     languageOptions: { parserOptions: { projectService: true } },
//   }];
import type { ESLint, Linter } from 'eslint';
import { delegateSleepingCalls } from './delegate-sleeping-calls.js';
import { noModuleState } from './no-module-state.js';
import { noViewIdentity } from './no-view-identity.js';

const rules = {
  'delegate-sleeping-calls': delegateSleepingCalls,
  'no-module-state': noModuleState,
  'no-view-identity': noViewIdentity,
};

const plugin: ESLint.Plugin & { configs: { recommended: Linter.Config } } = {
  meta: { name: 'lockstep' },
  rules,
  configs: { recommended: {} },
};
plugin.configs.recommended = {
  name: 'lockstep/recommended',
  plugins: { lockstep: plugin },
  rules: Object.fromEntries(Object.keys(rules).map((name) => [`lockstep/${name}`, 'error'] as const)),
};

export default plugin;
