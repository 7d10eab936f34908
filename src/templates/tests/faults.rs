//! Templates that are broken or set wrongly, and what is said of them.

use super::*;

#[test]
fn an_undefined_name_is_shown_with_file_line_and_the_name_that_was_meant() {
    let own = Own::new(MANIFEST, "#cloud-config\n\npackages: {{ vars.itmes }}\n");
    let template = own.load().unwrap();
    let error = template.render(&context(&template, &[]), &node(0)).unwrap_err();
    let said = error.to_string();
    assert!(matches!(&error, TemplateError::Render { line: Some(3), file, .. } if file == "user-data"), "{error:?}");
    assert!(said.contains("`vars.itmes` is not defined; did you mean `vars.items`? There are: "), "{said}");
    assert!(said.contains(own.0.path().to_str().unwrap()) && said.contains("user-data, line 3"), "{said}");

    for (text, words) in [
        ("{{ evn.name }}", "`evn` is undefined; there are: env, image, node, ssh, vars, volume"),
        ("{{ vars.word ~ vars.wrod }}", "`vars.wrod` is not defined; did you mean `vars.word`?"),
        ("{% if vars.fats %}{% endif %}", "`vars.fats` is not defined; did you mean `vars.fast`?"),
        ("{{ node.idx }}", "did you mean `node.index`?"),
        ("{{ volume.id }}", "`volume.id`: there is no volume here; ask first, with {% if volume %}"),
        ("{% for x in vars.things %}{% endfor %}", "`vars.things` is not defined"),
        ("{{ vars.wrod | sh }}", "did you mean `vars.word`?"),
        ("{{ vars.wrod | tojson }}", "did you mean `vars.word`?"),
        ("{{ vars.wrod | block(2) }}", "did you mean `vars.word`?"),
        ("{{ vars.wrod | data_url }}", "did you mean `vars.word`?"),
        ("{{ [vars.wrod] }}", "did you mean `vars.word`?"),
    ] {
        let said = complaint(text);
        assert!(said.contains(words) && said.contains("line 1"), "{text}: {said}");
    }
}

#[test]
fn a_fault_in_an_included_part_names_the_part() {
    let own = Own::new(MANIFEST, "a: 1\n{% include 'parts/b' %}");
    own.put("parts/b", "\n\nb: {{ vars.nothing }}\n");
    let template = own.load().unwrap();
    let said = template.render(&context(&template, &[]), &node(0)).unwrap_err().to_string();
    assert!(said.contains("parts/b, line 3: `vars.nothing` is not defined"), "{said}");
}

#[test]
fn broken_templates_are_errors_with_their_line() {
    for (text, words) in [
        ("a\n{% if %}", "line 2"),
        ("a\n\n{{ vars.word | nope }}", "nope"),
        ("{% include 'gone' %}", "gone"),
        ("{{ file('../secret') }}", "own directory only"),
        ("{{ file('/etc/passwd') }}", "own directory only"),
        ("{% include '../secret' %}", "own directory only"),
        ("{{ file }}", "cannot be written"),
    ] {
        let said = complaint(text);
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn templates_that_are_not_there_are_not_found() {
    let error = Template::load("cloudtpo").unwrap_err();
    assert!(error.is_not_found());
    let said = "there is no template `cloudtpo`; did you mean `cloudtop`? Built in are cloudtop, coreos, docker, etcd, fedora-coreos, k3s; for a directory of your own write ./cloudtpo";
    assert_eq!(error.to_string(), said);
    let error = Template::load("./no/such/place").unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("./no/such/place"), "{error}");
}

#[test]
fn a_directory_without_user_data_says_which_file_is_missing() {
    let own = Own::new(MANIFEST, "");
    let template = own.load().unwrap();
    fs::remove_file(own.0.path().join("user-data")).unwrap();
    let error = template.render(&context(&template, &[]), &node(0)).unwrap_err();
    assert!(!error.is_not_found() && error.to_string().contains("cannot read its file user-data"), "{error}");
}

#[test]
fn a_manifest_that_cannot_be_meant_is_refused_with_its_reason() {
    for (from, to, words) in [
        ("gzip = true", "gzip = 1", "line 6, column 8"),
        ("gzip = true", "gzip = true\ngzpi = 1", "unknown field `gzpi`"),
        ("user = \"ubuntu\"", "", "missing field `user`"),
        ("\"debian\"", "\"windows\"", "unknown variant `windows`"),
        ("default = 3", "default = \"3\"", "the default of variable `count` is not a whole number"),
        ("[variables.word]", "[variables.my-word]", "cannot be called `my-word`"),
        ("\"/data\"", "\"data\"", "absolute path"),
        ("\"cloud-config\"", "\"ignition\"", "leave `boot` out"),
        ("{% endif %}\"", "{% endif %} # x\"", "no `#`"),
        ("persistent_volume = false\nvolume_mount = \"/data\"", "persistent_volume = true", "needs volume_mount"),
    ] {
        assert!(MANIFEST.contains(from), "{from}");
        let own = Own::new(&MANIFEST.replace(from, to), "");
        let error = own.load().unwrap_err();
        assert!(!error.is_not_found() && error.to_string().contains(words), "{to}: {error}");
    }
}

#[test]
fn a_manifest_of_a_few_lines_will_do() {
    let least = |format: &str| {
        format!(
            "name = \"own\"\ndescription = \"mine\"\nuser = \"admin\"\nuser_data_format = \"{format}\"\nimage.family = \"debian\"\n"
        )
    };
    let of = |format: &str| Own::new(&least(format), "").load().unwrap().manifest;
    let (cloud_config, ignition) = (of("cloud-config"), of("ignition"));
    assert!(cloud_config.may_be_gzipped() && cloud_config.boot() == Boot::CloudInit);
    assert!(!ignition.may_be_gzipped() && ignition.boot() == Boot::None);
    assert!(!cloud_config.persistent_volume);
}

#[test]
fn variables_are_checked_against_what_is_declared() {
    let manifest = format!("{MANIFEST}\n[variables.token]\ntype = \"string\"\ndescription = \"a secret word\"\n");
    let own = Own::new(&manifest, "");
    let template = own.load().unwrap();
    let set = |pairs: &[(&str, &str)]| {
        let set: BTreeMap<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        set_variables(&template, &set)
    };
    let values = set(&[("token", "a=b,c"), ("items", "")]).unwrap();
    assert_eq!(values["token"], Value::Text("a=b,c".to_owned()));
    assert_eq!(values["items"], Value::List(Vec::new()));
    assert_eq!((&values["count"], &values["fast"]), (&Value::Integer(3), &Value::Boolean(false)));

    for (pairs, words) in [
        (
            &[("itmes", "a"), ("token", "t")][..],
            "no variable `itmes`; did you mean `items`? There are: count, fast, items",
        ),
        (&[("count", "three"), ("token", "t")], "`count` takes a whole number, such as 3, not `three`"),
        (&[("fast", "maybe"), ("token", "t")], "`fast` takes true or false, not `maybe`"),
        (&[], "needs a value for `token` (a secret word): give --set token=VALUE"),
    ] {
        let error = set(pairs).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

const WITH_FILE: &str = "[variables.script]\ntype = \"file\"\ndefault = \"\"\ndescription = \"a script\"\n";

#[test]
fn the_value_of_a_file_is_its_text() {
    let own = Own::new(&format!("{MANIFEST}{WITH_FILE}"), "#cloud-config\na: {{ vars.script }}\n");
    own.put("mine/script", "echo \"hello\"\n");
    let (template, mine) = (own.load().unwrap(), own.0.path().join("mine"));
    let set = |path: &str| {
        let mut set = BTreeMap::from([("script".to_owned(), path.to_owned())]);
        resolve_files(&template, &mut set, Some(&mine), |_| mine.clone());
        set_variables(&template, &set)
    };
    for path in ["script", "../mine/script", "~/script", mine.join("script").to_str().unwrap()] {
        assert_eq!(set(path).unwrap()["script"], Value::Text("echo \"hello\"\n".to_owned()), "{path}");
    }
    assert_eq!(set("").unwrap()["script"], Value::Text(String::new()), "none");
    let error = set("none").unwrap_err().to_string();
    assert!(error.contains("mine/none that `script` names"), "{error}");
    let wrong = Own::new(&format!("{MANIFEST}{}", WITH_FILE.replace("\"\"", "\"a\"")), "");
    let error = wrong.load().unwrap_err().to_string();
    assert!(error.contains("the default of variable `script` can only be \"\""), "{error}");
}

#[test]
fn tools_are_listed_one_a_line_and_cost_nothing_where_there_are_none() {
    let template = Template::load("cloudtop").unwrap();
    let render = |set: &[(&str, &str)]| {
        let text = template.render(&context(&template, set), &node(0)).unwrap().raw;
        String::from_utf8(text).unwrap()
    };
    let text = render(&[("dotfiles", "https://x/$(id)"), ("repositories", "https://x/a,https://x/b c/d")]);
    let listed = "  - path: /etc/cloudtop/tools\n    content: |\n      dotfiles https://x/$(id)\n      repository https://x/a\n      \
                  repository https://x/b c/d\n";
    assert!(text.contains(listed), "{text}");
    assert!(text.contains("enable --now --no-block cloudtop-tools.service\n") && !text.contains("/cloudtop/setup\n"));
    assert!(!render(&[]).contains("tools"));
}

#[test]
fn the_template_of_the_documentation_works() {
    let page = include_str!("../../../docs/templates.md");
    let after = |start: &str| page.split(start).nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let own = Own::new(after("```toml\n"), &format!("#cloud-config\n{}", after("```\n#cloud-config\n")));
    own.put("parts/setup", "#!/bin/sh\necho done\n");
    let template = own.load().unwrap();
    let context = context(&template, &[("greeting", "a: b # c")]);
    let text = String::from_utf8(template.render(&context, &node(0)).unwrap().raw).unwrap();
    assert!(text.contains("    content: \"a: b # c\"\n") && text.contains("      echo done\n"), "{text}");
    assert!(template.ready_command(&context, &node(0)).unwrap().unwrap().ends_with(">/dev/null"));
}
