/** The look of the site: the default theme of VitePress with fonts, colours and a home of its own. */

import Theme from "vitepress/theme-without-fonts";
import "./fonts.css";
import "./style.css";

export default Theme;
