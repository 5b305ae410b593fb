// Lint rules of this repository. Type-aware everywhere; kernel code keeps Linux's names, so nothing asks for camelCase.
import { existsSync } from 'node:fs';
import tseslint from 'typescript-eslint';

// The rules for users' modules are part of what is built here.
const own = new URL('./dist/eslint/index.js', import.meta.url);
const lockstep = existsSync(own) ? (await import(own.href)).default : null;

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'test/fixtures/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: ['./test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: ['error', 'always'],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-empty': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Words of the machine's memory are enum members used as numbers.
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      // An operation that never sleeps may be written as a generator function: its callers write yield* all the same.
      'require-yield': 'off',
      '@typescript-eslint/require-await': 'off',
      // An index is known to be in range where `!` says so; words that serve two purposes have two names.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-duplicate-enum-values': 'off',
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-this-alias': 'off', // a walk up a chain may begin at this
      '@typescript-eslint/unbound-method': 'off', // functions of the kernel's tables never use this
      // printk and errors print whatever they are given.
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
    },
  },
  // Syntax trees have no types that would fit all their nodes; tests look into what has none.
  {
    files: ['src/{module,stepped,eslint}/**/*.ts', 'src/cli/locate.ts', 'src/machine/bundle.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  // Accessors are generated code, made once for each struct; lists are generic over it.
  {
    files: [
      'src/cpu/heap.ts',
      'src/linux/{view,list,list-walk}.ts',
      'src/stepped/transform/runtime.ts',
      'src/kernel/text.ts',
      'test/**/*.ts',
    ],
    rules: {
      '@typescript-eslint/no-implied-eval': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  // The kernel: no host, no exceptions to swallow, no time of its own.
  {
    files: ['src/{cpu,mm,sched,linux,drivers}/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'console'].map((name) => ({
          name,
          message: 'kernel code has no host: see section 9 of the design',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'everything but the choices is determined' },
      ],
    },
  },
  ...(lockstep === null ? [] : [{ ...lockstep.configs.recommended, files: ['examples/**/*.ts'] }]),
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error' },
  },
);
