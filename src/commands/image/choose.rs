//! `up --image NAME`: which image that is, and what follows from it.

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::config::{self, EnvironmentSettings};
use crate::domain::images::{self, OwnImage};
use crate::domain::intent::Intent;
use crate::templates::Template;

use super::super::wish::DEFAULT_TEMPLATE;

/// The settings with the image that they name by its id, and with what was not said taken from what it was made of.
/// `None`: they name none.
///
/// # Errors
/// There is no such image, it is not ready, or its system is another than the template's.
pub async fn chosen(
    cloud: &Cloud,
    owner: &str,
    settings: &EnvironmentSettings,
    previous: Option<&Intent>,
) -> Result<Option<EnvironmentSettings>, CommandError> {
    let Some(word) = settings.image.as_deref() else { return Ok(None) };
    if settings.ami.is_some() {
        // Told by the check of the settings.
        return Ok(None);
    }
    let all = cloud.own_images(owner, None).await?.images;
    let image = find(cloud, &all, word)?;
    let mut settings = settings.clone();
    (settings.ami, settings.image) = (Some(image.id.clone()), None);
    let before = previous.map(|it| it.template.clone());
    let template = settings.template.clone().or(before).or_else(|| image.template().map(str::to_owned));
    let template = template.unwrap_or_else(|| DEFAULT_TEMPLATE.to_owned());
    let os = settings.os.or_else(|| previous.filter(|it| it.template == template)?.os);
    fit_system(&mut settings, image, &template, os)?;
    settings.template = Some(template);
    let sizes_only = settings.types.is_none() && settings.arch.is_none() && previous.is_none();
    if let Some(arch) = image.arch.filter(|_| sizes_only) {
        settings.arch = Some(arch);
    }
    Ok(Some(settings))
}

/// Commands and login name go by the template's system, which must be the image's.
fn fit_system(
    settings: &mut EnvironmentSettings,
    image: &OwnImage,
    template: &str,
    os: Option<crate::domain::intent::ImageFamily>,
) -> Result<(), CommandError> {
    let Some(own) = image.os() else { return Ok(()) };
    let wanted = Template::load(template)?.on(os)?.manifest.image.family;
    if wanted == own {
        return Ok(());
    }
    if os.is_none() && Template::load(template)?.on(Some(own)).is_ok() {
        settings.os = Some(own);
        return Ok(());
    }
    let (name, own) = (image.name(), own.as_str());
    let text = format!("the image `{name}` has {own}, and the template `{template}` is for {} here", wanted.as_str());
    Err(CommandError::usage(text).hint(match image.template() {
        Some(made_with) => format!("leave out --os and --template: it was made with `{made_with}` for {own}"),
        None => format!("name a template for {own}"),
    }))
}

fn find<'i>(cloud: &Cloud, all: &'i [OwnImage], word: &str) -> Result<&'i OwnImage, CommandError> {
    let named = images::named(all, word);
    if let Some(image) = named.iter().find(|it| it.is_usable()) {
        return Ok(image);
    }
    let region = cloud.region();
    if let Some(image) = named.first() {
        let text = format!("the image `{word}` in {region} is not ready: {} is {}", image.id, image.state.as_str());
        return Err(CommandError::new(Exit::NotFound, text)
            .hint(format!("go on with `cloudtop image bake {}`; `cloudtop image list` shows all", image.name())));
    }
    let error = CommandError::new(Exit::NotFound, format!("there is no image `{word}` of your own in {region}"));
    let names: Vec<&str> = all.iter().filter(|it| it.is_usable()).map(OwnImage::name).collect();
    let name = word.split('@').next().unwrap_or(word);
    Err(match config::nearest(name, names.iter().copied()) {
        Some(near) if near != name => error.hint(format!("did you mean `{near}`?")),
        _ if word.starts_with("ami-") => error.hint("an image of others is named by its id: --ami"),
        _ => error
            .hint(format!("`cloudtop image list` shows those that there are; `cloudtop image bake {name}` makes it")),
    })
}
