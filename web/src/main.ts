import { Page } from './page';
import { showScheme } from './theme';

showScheme(); // before anything asks for colours
const page = new Page();
void page.start();

// For people with a console, and for tests (docs/formats/web-api.md).
Object.defineProperty(window, 'isotach', { value: page.inspector });
