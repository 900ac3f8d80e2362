//! Words of six languages that are written with a full stop, or that make one doubtful. It decides nothing.

/// A title, or a word that introduces something: the sentence always goes on behind its full stop.
#[rustfmt::skip]
pub(super) fn introduces(word: &str) -> bool {
    matches!(
        word,
        // English
        "mr" | "mrs" | "ms" | "mx" | "dr" | "prof" | "st" | "mt" | "gov" | "sgt" | "capt" | "lt" | "rev"
        | "hon" | "gen" | "sen" | "messrs" | "e.g" | "i.e" | "vs" | "cf" | "approx" | "ph.d" | "viz"
        // Spanish
        | "sr" | "sra" | "srta" | "sres" | "dra" | "profa" | "ud" | "uds" | "vd" | "vds" | "p.ej" | "ej"
        | "av" | "lic" | "arq" | "avda" | "fdo" | "ee" | "ee.uu" | "dña"
        // French
        | "mme" | "mlle" | "mgr" | "p.ex" | "c.-à-d"
        // German
        | "hr" | "frl" | "dipl" | "z.b" | "bzw" | "d.h" | "u.a" | "ca" | "evtl" | "ggf" | "vgl" | "sog"
        | "bspw" | "inkl" | "zzgl" | "o.ä" | "s.o" | "s.u" | "z.t" | "i.d.r" | "u.u"
        // Italian
        | "sig" | "sig.ra" | "sigg" | "dott" | "dott.ssa" | "avv" | "egr" | "gent" | "p.es"
        // Portuguese
        | "exmo" | "exma" | "p.e"
    )
}

/// A sentence may end with these: it does when an upper-case letter follows.
#[rustfmt::skip]
pub(super) fn may_end(word: &str) -> bool {
    matches!(
        word,
        "etc" | "p.m" | "a.m" | "inc" | "ltd" | "corp" | "jr" | "b.c" | "a.d" | "bros"
        | "a.c" | "d.c" | "cía" | "usw" | "u.s.w" | "uvm" | "usf" | "dgl" | "z.hd" | "v.chr" | "n.chr"
        | "ecc" | "cia" | "s.a" | "s.p.a" | "s.r.l" | "apr" | "hnos" | "ltda"
    )
}

/// These stand before a number; before anything else they are words of their own.
#[rustfmt::skip]
pub(super) fn precedes_number(word: &str) -> bool {
    matches!(
        word,
        "no" | "nos" | "núm" | "nº" | "nr" | "art" | "pp" | "pág" | "págs" | "pag" | "vol" | "ch" | "chap"
        | "fig" | "sec" | "tel" | "tél" | "kap" | "bd" | "abs" | "cap" | "jan" | "feb" | "mar" | "jun" | "jul"
        | "aug" | "sep" | "sept" | "oct" | "nov" | "dec" | "okt" | "dez"
    )
}

/// After a word of hesitation or an open conjunction a full stop is likely the first of three.
#[rustfmt::skip]
pub(super) fn hesitates(word: &str) -> bool {
    matches!(
        word,
        "well" | "so" | "um" | "uh" | "uhm" | "er" | "hmm" | "hm" | "mm" | "mmm" | "ah" | "oh" | "and" | "but"
        | "or" | "because"
        | "pues" | "eh" | "este" | "bueno" | "y" | "pero" | "o" | "entonces" | "porque"
        | "alors" | "euh" | "ben" | "bah" | "et" | "mais" | "ou" | "donc"
        | "also" | "ähm" | "äh" | "tja" | "naja" | "und" | "aber" | "oder"
        | "allora" | "ehm" | "beh" | "e" | "ma" | "dunque"
        | "então" | "bem" | "mas" | "né"
    )
}

/// A sentence with one of these words speaks of an address: its full stop may be one of the address.
#[rustfmt::skip]
pub(super) fn speaks_of_addresses(word: &str) -> bool {
    // By length in bytes, because every word of a sentence is looked up.
    match word.len() {
        3 => matches!(word, "app" | "url" | "web"),
        4 => matches!(word, "apps" | "http" | "lien" | "link" | "mail" | "page" | "site" | "sito"),
        5 => matches!(word, "appli" | "email" | "https" | "ligne" | "links" | "pages" | "seite" | "sites" | "sitio" | "visit" | "write"),
        6 => matches!(word, "correo" | "domain" | "e-mail" | "enlace" | "línea" | "online" | "pagina" | "scrivi" | "visita" | "visite" | "écris"),
        7 => matches!(word, "besuche" | "browser" | "contact" | "escreva" | "escribe" | "página" | "schreib" | "visitez" | "website"),
        8 => matches!(word, "besuchen" | "courriel" | "internet" | "páginas" | "schreibe" | "visitate" | "webseite" | "websites" | "écrivez"),
        10 => matches!(word, "aplicativo" | "escríbeme"),
        11 => matches!(word, "aplicación"),
        12 => matches!(word, "collegamento"),
        _ => false,
    }
}

/// Names that are rarely written without what follows their full stop.
#[rustfmt::skip]
pub(super) fn is_site(word: &str) -> bool {
    matches!(
        word,
        "google" | "youtube" | "wikipedia" | "duolingo" | "node" | "amazon" | "facebook" | "instagram"
        | "twitter" | "reddit" | "github" | "netflix" | "spotify" | "deepl" | "linguee" | "wordreference"
        | "forvo" | "tatoeba" | "ankiweb" | "memrise" | "babbel" | "busuu" | "italki" | "openai" | "vue"
    )
}
