// Mistakes that a browser would only show to whoever runs into them; how code looks is left to its writers.
import js from '@eslint/js';
import globals from 'globals';

const rules = {
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  // It takes a member that is read and written by `||=` for one that nobody reads.
  'no-unused-private-class-members': 'off',
};

export default [
  { ignores: ['web/vendor/'] },
  js.configs.recommended,
  { languageOptions: { globals: globals.browser }, rules },
  { files: ['tests/**'], languageOptions: { globals: globals.node } },
];
